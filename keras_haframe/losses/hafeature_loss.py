"""The HAFeature loss: fine cross-entropy, agreement of the levels, geometry, dissimilar pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops

from keras_haframe.losses.cross_entropy import CrossEntropy
from keras_haframe.losses.dissimilarity import dissimilarity, kl_divergence, log_middle
from keras_haframe.losses.level_loss import LevelLoss
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.options import check_count, check_level, non_negative, positive
from keras_haframe.tree_ops.segments import segment_logsumexp
from keras_haframe.tree_ops.values import Outputs, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class HAFeatureLoss(LevelLoss):
    """`CE + consistency JSD - geometry G + dissimilarity DIS`.

    With `p_l` the softmax of level `l` (1 coarsest, L the classes):

    - CE: cross-entropy of the classes.
    - JSD: summed over the levels but the finest, the Jensen-Shannon divergence of `p_l` and of
      `p_{l+1}` summed over each node's children.
    - G: how well a node's vector points along the sum of its children's, read from the output
      `"geometry"` of `layers.UnitClassifiers`.
    - DIS: summed over `dissimilarity_levels`, see `losses.dissimilarity.dissimilarity`. The
      output `"shuffle"` orders the batch; without it the order is that of the batch.

    Args:
        tree: A `ClassTree` (or its configuration).
        dissimilarity_levels: Levels with the dissimilarity term, 1 (children of the root) to
            L - 1, or -2 for the parents of the classes; all of them by default. The paper:
            FGVC-Aircraft 2; CIFAR-100 1 to 4; iNaturalist 2019 2 to 6; tieredImageNet-H 5 to 11.
        consistency, geometry, dissimilarity: Weights of the terms, not negative; all one in the
            paper.
        margin: Margin of the dissimilarity term, positive. The paper's 3 never clips: divergences
            to the middle are at most log 2.
        pairs: Number of pairs per level.
        reduction: Keras reduction over the batch. G and DIS are one number per batch, added to
            every example, so they weigh as the paper has it under the mean (the default).

    Call arguments: integer labels `[B]` and the outputs of `layers.UnitClassifiers`.

    Reference: Garg et al., Learning Hierarchy Aware Features for Reducing Mistake Severity
    (ECCV 2022).
    """

    over_batch = True

    def __init__(
        self,
        tree: ClassTree | dict,
        *,
        dissimilarity_levels: list[int] | None = None,
        consistency: float = 1.0,
        geometry: float = 1.0,
        dissimilarity: float = 1.0,
        margin: float = 3.0,
        pairs: int = 256,
        name: str = "hafeature",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(tree, name, reduction, dtype)
        self.dissimilarity_levels = upper_levels(dissimilarity_levels, len(self.levels))
        self.consistency = non_negative("consistency", consistency)
        self.geometry = non_negative("geometry", geometry)
        self.dissimilarity = non_negative("dissimilarity", dissimilarity)
        self.margin = positive("margin", margin)
        self.pairs = check_count(pairs, "pairs")
        self._cross_entropy = CrossEntropy(dtype=dtype)

    def terms(self, labels: Tensor, outputs: Outputs) -> dict:
        """Return the four terms without their weights.

        Returns:
            `{"cross_entropy": [B], "consistency": list of [B], "geometry": [B], "dissimilarity":
            list of scalars}`, the lists coarsest level first (geometry only where it has weight).
        """
        logits = self.level_logits(outputs)
        log_p = [ops.log_softmax(z, axis=-1) for z in logits]
        own = self.level_labels(labels)
        found = {"cross_entropy": self._cross_entropy.loss(labels, logits[-1])}
        found["consistency"] = [
            self._agreement(upper, lower, parents)
            for upper, lower, parents in zip(log_p, log_p[1:], self.levels.parents)
        ]
        found["dissimilarity"] = [
            self._dissimilarity(log_p[level - 1], own[level - 1], outputs, level)
            for level in self.dissimilarity_levels
        ]
        if self.geometry:
            if "geometry" not in outputs:
                raise ValueError(
                    "HAFeatureLoss reads the geometry term from the output 'geometry' of "
                    f"layers.UnitClassifiers. Received: {sorted(outputs)}. Pass geometry=0 to "
                    "leave the term out."
                )
            found["geometry"] = outputs["geometry"]
        return found

    def _agreement(self, log_p: Tensor, log_p_below: Tensor, parents: Tensor) -> Tensor:
        """Jensen-Shannon divergence `[B]` of a level and the level below it, summed up."""
        rows = segment_logsumexp(ops.transpose(log_p_below), parents, log_p.shape[-1])
        log_q = ops.transpose(rows)
        middle = log_middle(log_p, log_q)
        return 0.5 * (kl_divergence(log_q, middle) + kl_divergence(log_p, middle))

    def _dissimilarity(self, log_p: Tensor, labels: Tensor, outputs: Outputs, level: int) -> Tensor:
        keys = outputs["shuffle"][:, level - 1] if "shuffle" in outputs else None
        present = outputs.get("counted")
        return dissimilarity(log_p, labels, keys, self.margin, self.pairs, present)

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        found = self.terms(labels, outputs)
        total = found["cross_entropy"]
        total = total + self.consistency * sum(found["consistency"])
        total = total + self.dissimilarity * sum(found["dissimilarity"])
        return total - self.geometry * found["geometry"] if self.geometry else total

    def get_config(self) -> dict[str, Any]:
        keys = ("consistency", "geometry", "dissimilarity", "margin", "pairs")
        return {
            **super().get_config(),
            "dissimilarity_levels": self.dissimilarity_levels,
            **{key: getattr(self, key) for key in keys},
        }


def upper_levels(levels: Sequence[int] | None, height: int) -> list[int]:
    """Return levels above the classes as different depths (all if `None`)."""
    if levels is None:
        return list(range(1, height))
    if not isinstance(levels, Iterable):
        raise ValueError(f"`dissimilarity_levels` must be a list of levels. Received: {levels!r}")
    found = [check_level(level, height, "dissimilarity_levels") for level in levels]
    if height in found or len(set(found)) < len(found):
        raise ValueError(
            f"`dissimilarity_levels` must be different levels above the classes, from 1 (children "
            f"of the root) to {height - 1}. Received: dissimilarity_levels={list(levels)}"
        )
    return found
