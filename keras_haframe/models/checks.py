"""Checks of data, before any training."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_haframe.data.checked_batches import check_targets
from keras_haframe.models.inputs import Spec, check_inputs
from keras_haframe.tree import ClassTree
from keras_haframe.tree.validation import listed
from keras_haframe.tree_ops.options import non_negative

BLOCK = 1 << 22  # numbers that are summed at once


def check_images(images: Any, source: str = "x") -> None:
    """Raise if inputs hold NaN or infinity: arrays in memory whole, others as far as given."""
    for leaf in keras.tree.flatten(images):
        array = leaf if isinstance(leaf, np.ndarray) else np.asarray(leaf)
        if array.dtype.kind == "f" and (bad := _not_finite(array)) is not None:
            raise ValueError(
                f"Inputs contain NaN or infinite values in {source}, first in example {bad}. Check "
                "decoding and normalization (a division by a zero standard deviation, for example)."
            )


def check_in_memory(x: Any, source: str = "x") -> None:
    """`check_images` of NumPy arrays; tensors and files mapped into memory are left alone."""
    if all(type(leaf) is np.ndarray for leaf in keras.tree.flatten(x)):
        check_images(x, source)


def _not_finite(array: np.ndarray) -> int | None:
    """Row of the first number that is not finite; a finite sum says that there is none."""
    rows = max(1, BLOCK // max(1, array[:1].size))
    with np.errstate(all="ignore"):
        for start in range(0, len(array), rows):
            block = array[start : start + rows]
            if not np.isfinite(block.sum()) and not np.isfinite(block).all():
                return start + int(np.argwhere(~np.isfinite(block))[0, 0])
    return None


def check_arrays(
    x: Any, y: Any, weights: Any, specs: list[Spec], num_classes: int, source: str, columns: int = 1
) -> Any:
    """Check arrays whole.

    Args:
        x: Inputs. Of files mapped into memory and of tensors the first 256 are looked at for NaN.
        y: Labels.
        weights: Sample weights or `None`.
        specs: What the model takes, `models.inputs.specs_of`.
        num_classes: K.
        source: What the error calls the data.
        columns: Weights an example may have.

    Returns:
        NumPy inputs: the first 256.
    """
    count = check_inputs(x, specs, source)
    check_targets((x, y, weights), num_classes, source, count, columns)
    first = keras.tree.map_structure(lambda a: keras.ops.convert_to_numpy(a[:256]), x)
    whole = all(type(leaf) is np.ndarray for leaf in keras.tree.flatten(x))
    check_images(x if whole else first, source)
    return first


def check_batch(
    batch: Any, specs: list[Spec], num_classes: int, source: str, columns: int = 1
) -> None:
    """Raise unless a batch is `(inputs, labels)` or `(inputs, labels, weights)` for a model."""
    if not isinstance(batch, (tuple, list)) or not 2 <= len(batch) <= 3:
        raise ValueError(
            f"{source} must give batches (images, integer labels). "
            f"Received: {type(batch).__name__}"
            + (f" of length {len(batch)}" if isinstance(batch, (tuple, list)) else "")
        )
    count = check_inputs(batch[0], specs, source)
    check_targets(batch, num_classes, source, count, columns)


def first_inputs(x: Any, check: Callable[[Any], None], source: str) -> Any:
    """Return NumPy inputs of the first batch of a data set, checked; `None` for iterators.

    Args:
        x: A `tf.data.Dataset`, a `keras.utils.PyDataset`, a torch `DataLoader`, an iterator.
        check: Function that raises for a wrong batch.
        source: What the error calls the data.
    """
    if isinstance(x, keras.utils.PyDataset):
        batch = x[0]
    elif type(x).__module__.startswith("tensorflow") and hasattr(x, "take"):
        batch = next(iter(x.take(1)), None)
    elif hasattr(x, "batch_sampler"):
        batch = next(iter(x), None)
    elif is_array(x):
        raise ValueError(
            f"Labels must be given: `y` in {source}. Received: y=None and "
            f"{type(x).__name__} as inputs"
        )
    else:
        return None
    check(batch)
    first = keras.tree.map_structure(keras.ops.convert_to_numpy, batch[0])
    check_images(first, source)
    return first


def is_array(x: Any) -> bool:
    """Whether `x` is an array or a structure of arrays, and no stream of batches."""
    kinds = (np.ndarray, list, tuple, Mapping, str, bytes, numbers.Number, set)
    return isinstance(x, kinds) or keras.ops.is_tensor(x) or not hasattr(x, "__iter__")


def check_class_weight(class_weight: Any, num_classes: int) -> None:
    """Raise unless class weights are numbers, finite and not negative, by class index."""
    if class_weight is None:
        return
    fine = isinstance(class_weight, Mapping) and all(
        isinstance(k, (int, np.integer)) and 0 <= k < num_classes for k in class_weight
    )
    if not fine:
        raise ValueError(
            f"`class_weight` must be a dictionary by class index, 0 to {num_classes - 1}. "
            f"Received: {class_weight!r}"
        )
    for k, weight in class_weight.items():
        non_negative(f"class_weight[{k}]", weight)


def check_names(names: Sequence[str] | None, tree: ClassTree, source: str) -> None:
    """Raise unless class names are those of the tree, in its order.

    Args:
        names: `class_names` of a data set, if it has them.
        tree: The class tree.
        source: What the error calls the data.
    """
    if names is None or list(names) == tree.leaves:
        return
    names = [str(name) for name in names]
    if sorted(names) == sorted(tree.leaves):
        mend = (
            "The names are the same, their order is not: build the model with "
            "`tree.reorder(dataset.class_names)`, give the data set `class_names=tree.leaves`, or "
            "read the folder with `keras_haframe.data.image_folder`."
        )
    else:
        mend = (
            "Read the folder with `keras_haframe.data.image_folder`, which takes its folders for "
            "the tree at any depth, or make the tree of these names."
        )
    raise ValueError(
        f"`class_names` of {source} must be `tree.leaves`. Received: {listed(names)}; the tree has "
        f"{listed(tree.leaves)}. {mend}"
    )


def warn_of_missing(labels: Any, tree: ClassTree) -> None:
    """Warn of classes without any example, and of labels that look coarse.

    Args:
        labels: All labels of the training data; anything but integers `[n]` is not looked at.
        tree: The class tree.
    """
    labels = None if labels is None else np.asarray(labels)
    if labels is None or labels.ndim != 1 or labels.dtype.kind not in "iu":
        return
    present = np.unique(labels)
    if not len(present) or len(present) == tree.num_classes:
        return
    missing = np.setdiff1d(np.arange(tree.num_classes), present)
    text = (
        f"{len(missing)} of {tree.num_classes} classes have no example in the training data: "
        f"{listed([tree.leaves[k] for k in missing])}."
    )
    last, widths = int(present[-1]), [len(nodes) for nodes in tree.by_depth]
    if last + 1 == len(present) and last + 1 in widths:
        text += (
            f" Only the labels 0 to {last} occur, as many as the tree has nodes at depth "
            f"{widths.index(last + 1)}: are these labels of that level? They must be classes."
        )
    warnings.warn(text, stacklevel=3)


def check_loss(loss: Any) -> None:
    """Raise for a loss of Keras that takes the model's scores for probabilities."""
    for each in keras.tree.flatten(loss):
        name = each if isinstance(each, str) else getattr(each, "__name__", type(each).__name__)
        name = name.lower().replace("_", "")
        if not name.endswith("categoricalcrossentropy") or getattr(each, "from_logits", False):
            continue
        raise ValueError(
            f"`loss` must take class scores (logits). Received: {each!r}, which takes "
            "probabilities. Leave `loss` out of `compile` for the method's own, or use "
            "keras.losses.SparseCategoricalCrossentropy(from_logits=True)."
        )


def warn_of_monitors(callbacks: Any, measured: Sequence[str], validated: bool) -> None:
    """Warn of callbacks that wait for a quantity which this training does not measure.

    Args:
        callbacks: As given to `fit`.
        measured: Names of the losses and metrics.
        validated: Whether there is validation data.
    """
    known = [*measured, *(f"val_{name}" for name in measured if validated)]
    callbacks = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    for callback in callbacks:
        monitor = getattr(callback, "monitor", None)
        builtin = type(callback).__module__.startswith("keras.")
        if not builtin or not isinstance(monitor, str) or monitor in known:
            continue
        if any(not type(c).__module__.startswith("keras.") for c in callbacks):
            continue  # they may add to the logs
        warnings.warn(
            f"{type(callback).__name__} monitors {monitor!r}, which this `fit` does not measure. "
            f"Choose one of {known}"
            + ("." if validated else "; names with 'val_' need `validation_data`."),
            stacklevel=3,
        )


def check_float_images(data: Any, input_shape: tuple) -> int | None:
    """Raise unless arrays, or the first batch of other data, are float images of this shape.

    Returns the number of images, of arrays all and of other data of a batch; `None` if unknown.

    Args:
        data: Arrays, a `tf.data.Dataset` or a `keras.utils.PyDataset`; other iterators are not
            looked at.
        input_shape: `(batch, height, width, channels)`.
    """
    if hasattr(data, "element_spec"):
        batch = data.element_spec
    elif isinstance(data, keras.utils.PyDataset):
        batch = data[0]
    else:
        batch = data
    images = batch[0] if isinstance(batch, (tuple, list)) and len(batch) else batch
    if not hasattr(images, "dtype") or not hasattr(images, "shape"):
        return None
    name = getattr(images.dtype, "name", str(images.dtype).rsplit(".", 1)[-1])
    if not name.startswith(("float", "bfloat")):
        raise ValueError(
            "Images must be floats, scaled and normalized: their values are the targets. Divide by "
            f"255, for example. Received images of type: {name}"
        )
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1:] != tuple(input_shape[1:]):
        raise ValueError(
            f"Images must have shape [batch, {', '.join(map(str, input_shape[1:]))}]. "
            f"Received shape: {shape}"
        )
    return shape[0]
