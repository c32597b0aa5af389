"""What all losses share: integer labels that stay exact, and their checks."""

from __future__ import annotations

import keras
from keras import ops

from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.marks import example_weights, marked_labels, poisoned, split_marks
from keras_haframe.tree_ops.values import Outputs, Tensor, number_tensor

BY_CLASS = ("logits", "cosines")  # outputs that are [B, K]
ROWS = (*BY_CLASS, "features", "nodes", "node_logits")  # outputs that are [B, width]


def take_own(values: Tensor, labels: Tensor) -> Tensor:
    """Entry `[B]` of every row of `values` `[B, K]` at its label."""
    return ops.take_along_axis(values, labels[:, None], axis=-1)[:, 0]


def counted(outputs: Outputs, labels: Tensor, dtype: str) -> Tensor:
    """1 for every example `[B]` that counts, 0 for those of weight 0, for terms over the batch."""
    mask = outputs.get("counted") if isinstance(outputs, dict) else None
    return ops.ones(ops.shape(labels), dtype=dtype) if mask is None else mask


def class_tree_of(loss: LabelLoss) -> ClassTree | None:
    """Return the class tree of a loss, if it has one."""
    for owner in (loss, getattr(loss, "target", None)):
        if isinstance(tree := getattr(owner, "tree", None), ClassTree):
            return tree
    return None


def check_rows(output: Tensor, width: int | None, name: str) -> None:
    """Raise unless an output is `[B, width]` (`None`: any width)."""
    shape = tuple(output.shape)
    if len(shape) != 2 or shape[-1] == 0 or (width is not None and shape[-1] != width):
        columns = "width" if width is None else f"{width}"
        raise ValueError(
            f"{name} must have shape [batch, {columns}], one row per label. Received shape: {shape}"
        )


class LabelLoss(keras.losses.Loss):
    """Base class of losses of integer labels: a subclass is the maths in `loss(labels, outputs)`.

    Keras casts labels to the dtype of the loss; float32, forced here under any dtype policy,
    holds class indices up to 16 million exactly, where bfloat16 fails above 256.

    A loss has no memory: the same arguments give the same value, `loss(labels, outputs)` that of a
    training step. A loss that weighs examples in training only says so by `evaluation_form`;
    `loss(labels, outputs, training=False)` is what `model.evaluate` measures.

    Wrong labels, weights and shapes raise where values are at hand. In a compiled step an example
    whose label is out of range, or with a NaN in an output, has the loss NaN (and no gradient).

    Args:
        name: Name of the loss.
        reduction: Keras reduction over the batch; the mean by default.
        dtype: `"float32"` or `"float64"`.
    """

    by_class: str | None = None  # the output with a column per class, where there is no tree
    reads: str | None = None  # the one output that is read, where it has another name
    over_batch = False  # whether examples meet each other: then those of weight 0 must not

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
        # Keras would take a plain list for a structure of tensors; here it is one array.
        outputs = form.checked(y_pred)
        classes = form.num_classes(outputs)
        labels = marked_labels(y_true, outputs, classes, self.dtype, whole=True)
        if sample_weight is not None:
            sample_weight = example_weights(sample_weight, labels, self.dtype)
            if self.over_batch and len(sample_weight.shape):
                outputs = outputs if isinstance(outputs, dict) else {self.reads: outputs}
                outputs = {**outputs, "counted": ops.cast(sample_weight > 0, self.dtype)}
        return super(LabelLoss, form).__call__(labels, outputs, sample_weight)

    def checked(self, outputs: Outputs) -> Outputs:
        """Return outputs as tensors of numbers, after a check of shapes known by name."""
        if not isinstance(outputs, dict):
            outputs = number_tensor(outputs, "`y_pred`")
            check_rows(outputs, None, "Outputs")
            return outputs
        needed = self.reads or self.by_class
        if needed and needed not in outputs:
            raise ValueError(
                f"{type(self).__name__} reads the output {needed!r}. Received: {sorted(outputs)}"
            )
        outputs = {key: number_tensor(value, f"Output {key!r}") for key, value in outputs.items()}
        tree = class_tree_of(self)
        for key in outputs:
            if key in ROWS or key.startswith("logits_"):
                width = tree.num_classes if tree and key in BY_CLASS else None
                check_rows(outputs[key], width, f"Output {key!r}")
        widths = {key: outputs[key].shape[-1] for key in BY_CLASS if key in outputs}
        if len(set(widths.values())) > 1:
            raise ValueError(f"Outputs by class must be equally wide. Received widths: {widths}")
        return outputs

    def num_classes(self, outputs: Outputs) -> int | None:
        """K: of the loss's tree, else the width of the output it reads by class, if it says so."""
        tree = class_tree_of(self)
        if tree is not None:
            return tree.num_classes
        if self.by_class is None:
            return None
        if isinstance(outputs, dict):
            outputs = outputs.get(self.by_class)
        return None if outputs is None else outputs.shape[-1]

    @property
    def variables(self) -> list[keras.Variable]:
        """What compiled steps must see change, such as a scheduled weight; never saved."""
        return []

    def evaluation_form(self) -> LabelLoss:
        """Return the loss that evaluation measures: this one, where training has no other."""
        return self

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        labels, lost = split_marks(ops.cast(y_true, self.dtype))
        return poisoned(self.loss(labels, y_pred), lost)

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        """Loss per example `[B]` from int32 labels `[B]` and model outputs."""
        raise NotImplementedError

    def get_config(self) -> dict:
        return {"name": self.name, "reduction": self.reduction, "dtype": self.dtype}
