"""Mix-up and cut-mix in turns, as vision transformers are fine-tuned."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_haframe.data.mixed_batches import MixedBatches


class CutMixedBatches(MixedBatches):
    """`MixedBatches` in which some batches get a box of their partners in place of a blend.

    The box has a random center and `1 - lam` of the area, `lam ~ Beta(cut_alpha, cut_alpha)`; it is
    cut off at the border and `lam` follows what is left of it.

    Args:
        *args, **kwargs: As of `MixedBatches`; `alpha` is mix-up's.
        cut_alpha: Parameter of cut-mix's Beta distribution.
        switch: Probability that a batch is cut and not blended.

    Raises:
        ValueError: For parameters out of range.

    Example:

    >>> zeros, ones = np.zeros((2, 8, 8, 1)), np.ones((2, 8, 8, 1))
    >>> batches = CutMixedBatches(np.concatenate([zeros, ones]), np.arange(4), 4, switch=1.0)
    >>> images, labels, weights = batches[0]
    >>> sorted(set(images.ravel().tolist())) in ([0.0], [0.0, 1.0])
    True

    Reference: Yun et al., CutMix (ICCV 2019); both in turns as in timm, with which MAE is tuned.
    """

    def __init__(self, *args: Any, cut_alpha: float = 1.0, switch: float = 0.5, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if not cut_alpha > 0 or not 0 <= switch <= 1:
            raise ValueError(
                "`cut_alpha` must be positive and `switch` from 0 to 1. Received: "
                f"cut_alpha={cut_alpha}, switch={switch}"
            )
        self.cut_alpha, self.switch = cut_alpha, switch

    def mix(
        self, generator: np.random.Generator, images: np.ndarray, partners: np.ndarray
    ) -> tuple[np.ndarray, float]:
        if generator.random() >= self.switch:
            return super().mix(generator, images, partners)
        height, width = images.shape[1:3]
        side = np.sqrt(1 - generator.beta(self.cut_alpha, self.cut_alpha))
        edges = []
        for length in (height, width):
            center, half = generator.integers(length), int(length * side) // 2
            edges += [max(center - half, 0), min(center + half, length)]
        top, bottom, left, right = edges
        mixed = images.copy()
        mixed[:, top:bottom, left:right] = partners[:, top:bottom, left:right]
        return mixed, 1 - (bottom - top) * (right - left) / (height * width)
