"""One classifier per tree level, each training its own slice of the features."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.layers.level_classifiers import LevelClassifiers, linear
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.values import Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class SliceClassifiers(LevelClassifiers):
    """Classifiers on feature slices, where gradients of coarse levels leave finer slices alone.

    The features are cut into L consecutive slices, the coarsest level's first. The classifier of
    level `l` sees slices `l` to L, but its gradient reaches slice `l` only: the finer slices are
    held constant. The finest classifier sees the last slice alone.

    Args:
        tree: A `ClassTree` (or its configuration).
        slice_widths: Widths of the L slices, coarsest first, that sum to the features' width;
            `floor(P / L)` each by default, the last takes the rest.

    Input shape: `[B, P]`. Output: logits of every level, see `LevelClassifiers`.

    Raises:
        ValueError: If the widths are not L positive integers that sum to P.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> outputs = SliceClassifiers(tree)(keras.ops.ones((2, 7)))  # slices of 3 and 4 features
    >>> tuple(outputs["logits_1"].shape), tuple(outputs["logits"].shape)
    ((2, 2), (2, 4))

    Reference: Chang et al., Your "Flamingo" is My "Bird": Fine-Grained, or Not (CVPR 2021).
    """

    def __init__(
        self, tree: ClassTree | dict, *, slice_widths: list[int] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(tree, **kwargs)
        self.slice_widths = check_slice_widths(slice_widths, len(self.levels))

    def _slices(self, dim: int) -> list[int]:
        count = len(self.levels)
        if self.slice_widths is None:
            if dim < count:
                raise ValueError(
                    f"A tree of {count} levels needs features of at least {count} dimensions, one "
                    f"per slice. Received features of {dim}. With network='I', set hidden_units."
                )
            return [dim // count] * (count - 1) + [dim - dim // count * (count - 1)]
        if sum(self.slice_widths) != dim:
            raise ValueError(
                f"`slice_widths` must sum to the width of the features, {dim}. "
                f"Received: {self.slice_widths}, which sum to {sum(self.slice_widths)}."
            )
        return self.slice_widths

    def widths(self, dim: int) -> list[int]:
        slices = self._slices(dim)
        return [sum(slices[level:]) for level in range(len(slices))]

    def call(self, x: Tensor) -> dict[str, Tensor]:
        constant = ops.stop_gradient(x)
        starts = [x.shape[-1] - kernel.shape[0] for kernel in self.kernels]
        logits = []
        for start, stop, kernel, bias in zip(starts, starts[1:], self.kernels, self.biases):
            seen = ops.concatenate([x[:, start:stop], constant[:, stop:]], axis=-1)
            logits.append(linear(seen, kernel, bias))
        logits.append(linear(x[:, starts[-1] :], self.kernels[-1], self.biases[-1]))
        return self.named(logits)

    @property
    def kernel(self) -> Tensor:
        """Kernel `[P, K]` from the whole features to the scores: zero but on the last slice."""
        above = self.kernels[0].shape[0] - self.kernels[-1].shape[0]
        return ops.pad(ops.convert_to_tensor(self.kernels[-1]), [[above, 0], [0, 0]])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "slice_widths": self.slice_widths}


def check_slice_widths(slice_widths: list[int] | None, count: int) -> list[int] | None:
    """Return `slice_widths` as a list of `count` positive integers, or `None`."""
    if slice_widths is None:
        return None
    widths = list(slice_widths)
    integers = all(isinstance(w, int) and not isinstance(w, bool) and w > 0 for w in widths)
    if len(widths) != count or not integers:
        raise ValueError(
            f"`slice_widths` must be {count} positive integers, one per level of the tree, "
            f"coarsest first. Received: slice_widths={slice_widths}"
        )
    return widths
