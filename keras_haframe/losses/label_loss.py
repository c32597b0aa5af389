"""What all losses share: integer labels that stay exact, and their checks."""

from __future__ import annotations

import keras
from keras import ops

from keras_haframe.tree_ops.checks import check_label_shape
from keras_haframe.tree_ops.values import Outputs, Tensor


def take_own(values: Tensor, labels: Tensor) -> Tensor:
    """Entry `[B]` of every row of `values` `[B, K]` at its label."""
    return ops.take_along_axis(values, labels[:, None], axis=-1)[:, 0]


class LabelLoss(keras.losses.Loss):
    """Base class of losses of integer labels: a subclass is the maths in `loss(labels, outputs)`.

    Keras casts labels to the dtype of the loss; float32, forced here under any dtype policy,
    holds class indices up to 16 million exactly, where bfloat16 fails above 256.

    A loss has no memory: the same arguments give the same value, `loss(labels, outputs)` that of a
    training step. A loss that weighs examples in training only says so by `evaluation_form`;
    `loss(labels, outputs, training=False)` is what `model.evaluate` measures.

    Args:
        name: Name of the loss.
        reduction: Keras reduction over the batch; the mean by default.
        dtype: `"float32"` or `"float64"`.
    """

    def __init__(self, name: str, reduction: str = "sum_over_batch_size", dtype: str | None = None):
        dtype = "float64" if dtype == "float64" else "float32"
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def __call__(
        self,
        y_true: Tensor,
        y_pred: Tensor,
        sample_weight: Tensor | None = None,
        training: bool = True,
    ) -> Tensor:
        form = self if training else self.evaluation_form()
        # Keras would take a plain list for a structure of tensors; here it is one array of labels.
        labels = ops.convert_to_tensor(y_true)
        return super(LabelLoss, form).__call__(labels, y_pred, sample_weight)

    @property
    def variables(self) -> list[keras.Variable]:
        """What compiled steps must see change, such as a scheduled weight; never saved."""
        return []

    def evaluation_form(self) -> LabelLoss:
        """Return the loss that evaluation measures: this one, where training has no other."""
        return self

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        check_label_shape(y_true.shape)
        return self.loss(ops.cast(y_true, "int32"), y_pred)

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        """Loss per example `[B]` from int32 labels `[B]` and model outputs."""
        raise NotImplementedError

    def get_config(self) -> dict:
        return {"name": self.name, "reduction": self.reduction, "dtype": self.dtype}
