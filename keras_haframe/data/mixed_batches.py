"""Mix-up on every backend: pairs of images mixed in the batch, for a `models.MixUpClassifier`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from keras_haframe.data.array_batches import ArrayBatches


class MixedBatches(ArrayBatches):
    """`ArrayBatches` of mixed images, `(images, labels, weights)`, for a `MixUpClassifier`.

    Examples 2i and 2i + 1 of a batch are each other's partner, so that equal parts of a batch, for
    several devices, keep whole pairs. Order is random anyway: any other pairing is as good. All of
    a batch is mixed as `lam x + (1 - lam) x_partner` with one `lam ~ Beta(alpha, alpha)`.

    Args:
        inputs, labels, batch_size, seed, augment, share: See `ArrayBatches`; images must be floats
            after `augment`. The part of a batch that one process gets must be even.
        alpha: Parameter of the Beta distribution, positive.
        sample_weight: Weight of every example, `[n]`.
        class_weight: Weight of every class, by label or `[K]`; 1 for classes that it does not name.
            `MixUpClassifier.fit(..., class_weight=...)` does the same.

    Batches: images, integer labels `[B]`, and weights `[B, 2]`: `lam` times the weight of the
    example, for its label, and `1 - lam` times that of its partner, for the partner's.

    Raises:
        ValueError: If `alpha` is not positive, or parts of a batch would split a pair.

    Example:

    >>> batches = MixedBatches(np.eye(4), np.arange(4), batch_size=4)
    >>> images, labels, weights = batches[0]
    >>> bool(np.allclose(images[0, labels[:2]], weights[0]))
    True

    Reference: Zhang et al., mixup: Beyond Empirical Risk Minimization (ICLR 2018).
    """

    def __init__(
        self,
        inputs: np.ndarray,
        labels: np.ndarray,
        batch_size: int,
        *args: Any,
        alpha: float = 1.0,
        sample_weight: np.ndarray | None = None,
        class_weight: Mapping[int, float] | np.ndarray | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(inputs, labels, batch_size, *args, **kwargs)
        if not alpha > 0:
            raise ValueError(f"`alpha` must be positive. Received: alpha={alpha}")
        if (self.part.stop - self.part.start) % 2:
            raise ValueError(
                "Images are mixed in pairs: `batch_size` must be even, also divided by the number "
                f"of processes. Received: {self.part.stop - self.part.start} examples for each."
            )
        self.alpha = alpha
        self.weights = np.ones(len(labels), "float32")
        if sample_weight is not None:
            if np.shape(sample_weight) != (len(labels),):
                raise ValueError(
                    f"`sample_weight` must have shape [{len(labels)}], one per example. "
                    f"Received shape: {np.shape(sample_weight)}"
                )
            self.weights *= np.asarray(sample_weight, "float32")
        if class_weight is not None:
            self.weights *= by_class(labels, class_weight)

    @contextlib.contextmanager
    def also_weighted(self, class_weight: Mapping[int, float] | np.ndarray) -> Iterator[None]:
        """Weigh the classes, too, for the length of a `with` block; see `class_weight`."""
        before = self.weights
        self.weights = before * by_class(self.labels, class_weight)
        try:
            yield
        finally:
            self.weights = before

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        images, labels = super().__getitem__(i)
        weights = self.weights[self.rows(i)]
        # One number more than the augmentation's generator: no draw is used twice.
        generator = np.random.default_rng([self.seed, self.epoch, i + 1, 1])
        mixed, lam = self.mix(generator, images, swap_pairs(images))
        both = np.stack([lam * weights, (1 - lam) * swap_pairs(weights)], axis=1)
        return mixed, labels, both.astype("float32")

    def mix(
        self, generator: np.random.Generator, images: np.ndarray, partners: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """Mixed images of a batch, and the share of the first."""
        lam = generator.beta(self.alpha, self.alpha)
        return (lam * images + (1 - lam) * partners).astype(images.dtype), lam


def swap_pairs(values: np.ndarray) -> np.ndarray:
    """Rows 2i and 2i + 1 in each other's place."""
    return values.reshape(-1, 2, *values.shape[1:])[:, ::-1].reshape(values.shape)


def by_class(labels: np.ndarray, class_weight: Mapping[int, float] | np.ndarray) -> np.ndarray:
    """Weight of every example by its class, float32 `[n]`; 1 for classes without one."""
    known = dict(class_weight if isinstance(class_weight, Mapping) else enumerate(class_weight))
    return np.array([known.get(int(y), 1.0) for y in labels], "float32")
