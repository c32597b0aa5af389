"""The classifier that trains on mixed images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_haframe.data.mixed_batches import MixedBatches
from keras_haframe.models.classifier import HierarchicalClassifier
from keras_haframe.tree_ops.values import Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class MixUpClassifier(HierarchicalClassifier):
    """A `HierarchicalClassifier` that trains on `data.MixedBatches`.

    The training loss of a batch is the mean of `lam w L(y) + (1 - lam) w_partner L(y_partner)` for
    any method, with `w` the weight of an example (1 without sample or class weights);
    dot-regression's class lengths are the same for both terms, as partners have the same labels in
    another order. Training metrics compare with the labels of the first images.

    Example:

    ```python
    model = MixUpClassifier(resnet32(), tree, "etf_dr", network="I", hidden_units=None)
    model.fit(MixedBatches(images, labels, 128, seed=0), epochs=200)
    ```

    Reference: Zhang et al., mixup (ICLR 2018); with dot-regression, Yang et al., Inducing Neural
    Collapse in Imbalanced Learning (NeurIPS 2022), released code.
    """

    weight_columns = 2

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        *args: Any,
        class_weight: Mapping[int, float] | None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Fit as a `HierarchicalClassifier`; `class_weight` weighs both labels of mixed images."""
        if class_weight is None or not isinstance(x, MixedBatches):
            return super().fit(x, y, *args, class_weight=class_weight, **kwargs)
        with x.also_weighted(class_weight):
            return super().fit(x, y, *args, **kwargs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """Return the loss for both labels of mixed images, or as ever without such weights."""
        if sample_weight is None or len(sample_weight.shape) < 2:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        own = super().compute_loss(x, y, y_pred, sample_weight[:, 0], training)
        partners = ops.reshape(ops.flip(ops.reshape(y, (-1, 2)), axis=1), (-1,))
        return own + self.loss(partners, y_pred, sample_weight[:, 1], training=training)
