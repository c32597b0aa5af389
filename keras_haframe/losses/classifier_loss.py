"""Losses of a linear classifier, by logits or, for very many classes, without them."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.losses.class_blocks import block_terms
from keras_haframe.losses.class_vectors import ClassVectors
from keras_haframe.losses.label_loss import LabelLoss, check_rows
from keras_haframe.losses.own_cosines import OwnCosines
from keras_haframe.losses.sampled_classes import TreeProposal, sampled_terms
from keras_haframe.tree_ops.options import check_count
from keras_haframe.tree_ops.target_rows import TargetRows
from keras_haframe.tree_ops.values import Outputs, Tensor, number_tensor


class ClassifierLoss(LabelLoss):
    """Base class of losses that may read features and class vectors in place of logits.

    With `class_block` or `negatives` a loss reads the output `"features"` `[B, dim]` alone, and the
    class vectors from its attribute `classifier`, the layer that made the logits; a
    `HierarchicalClassifier` sets it. Nothing then reads the logits of a training step, and a
    compiled step leaves them out.

    Args:
        name: Name of the loss.
        reduction: Keras reduction over the batch.
        dtype: `"float32"` or `"float64"`.
        class_block: Classes at a time, `None` for all at once by their logits. The loss and its
            gradients are the same, in memory of batch x block instead of batch x classes.
        negatives: In training, estimate the loss from the label and so many classes drawn for each
            example; `None` for all classes. Evaluation always takes all.

    Attributes:
        classifier: The layer whose class vectors are read.

    Raises:
        ValueError: If an option is no positive integer, and at the first call without a classifier.
    """

    def __init__(
        self,
        name: str,
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
        class_block: int | None = None,
        negatives: int | None = None,
    ):
        super().__init__(name, reduction, dtype)
        for option, value in (("class_block", class_block), ("negatives", negatives)):
            if value is not None:
                check_count(value, option)
        self.class_block = class_block
        self.negatives = negatives
        self.classifier: keras.layers.Layer | None = None
        self.tree_proposal: TreeProposal | None = None

    @property
    def by_features(self) -> bool:
        """Whether features and class vectors are read, and no logits."""
        return self.class_block is not None or self.negatives is not None

    @property
    def reads_classifier(self) -> bool:
        """Whether the attribute `classifier` is read."""
        return self.by_features

    def evaluation_form(self) -> LabelLoss:
        if self.negatives is None:
            return self
        form = object.__new__(type(self))  # with the same variables: alpha may change
        form.__dict__.update(self.__dict__, negatives=None)
        return form

    def checked(self, outputs: Outputs) -> Outputs:
        if not self.by_features:
            return super().checked(outputs)
        names = ["features"] if self.negatives is None else ["features", "draws"]
        if not isinstance(outputs, dict) or not set(names) <= set(outputs):
            raise ValueError(
                f"{type(self).__name__} with `class_block` or `negatives` takes the outputs "
                f"{names} of a model that was built with the option. "
                f"Received: {sorted(outputs) if isinstance(outputs, dict) else type(outputs)}"
            )
        # No other: what is checked is computed.
        found = {name: number_tensor(outputs[name], f"Output {name!r}") for name in names}
        check_rows(found["features"], None, "Output 'features'")
        return found

    def num_classes(self, outputs: Outputs) -> int | None:
        if not self.by_features:
            return super().num_classes(outputs)
        return ClassVectors(self.classifier).num_classes

    def terms(
        self, labels: Tensor, outputs: dict, targets: TargetRows | OwnCosines | None = None
    ) -> tuple[Tensor, Tensor]:
        """Cross-entropy and cosine loss per example, `[B]` each, from features.

        Args:
            labels: int32 `[B]`.
            outputs: The outputs that `checked` leaves.
            targets: Rows of the target cosines; without them the cosine loss is 0.
        """
        features = ops.cast(outputs["features"], self.dtype)
        vectors = ClassVectors(self.classifier)
        if self.negatives is not None:
            return sampled_terms(
                features, labels, outputs["draws"], vectors, targets, self.tree_proposal
            )
        block = self.class_block or vectors.num_classes
        return block_terms(features, labels, vectors, block, targets)

    def get_config(self) -> dict[str, Any]:
        own = {"class_block": self.class_block, "negatives": self.negatives}
        return {**super().get_config(), **own}
