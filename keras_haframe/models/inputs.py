"""What goes into a model, checked before Keras sees it.

Once Keras has traced a step for two shapes it takes any, and says in C++ what is wrong, or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras

from keras_haframe.tree_ops.options import check_count
from keras_haframe.tree_ops.values import to_numpy


class Spec(NamedTuple):
    """An input of a model: name, shape without the batch (`None`: any size), dtype."""

    name: str
    shape: tuple
    dtype: str


def specs_of(model: keras.Model) -> list[Spec]:
    """Return the inputs of a functional model."""
    return [
        Spec(i.name, tuple(i.shape[1:]), keras.backend.standardize_dtype(i.dtype))
        for i in model.inputs
    ]


def check_inputs(x: Any, specs: list[Spec], source: str = "x", least: int = 1) -> int | None:
    """Return the number of examples of inputs whose shapes and dtypes fit a model.

    Args:
        x: An array or tensor, a list of them, a dictionary by name, or `tf.TensorSpec`s.
        specs: What the model takes.
        source: What the error calls the inputs.
        least: How many examples there must be.

    Raises:
        ValueError: The message says what was received and what the model takes.
    """
    if isinstance(x, Mapping):
        names = [spec.name for spec in specs]
        if not set(names) <= set(x):
            raise ValueError(
                f"Inputs must be named {names} in {source}. Received: {sorted(map(str, x))}"
            )
        leaves = [x[name] for name in names]
    else:
        leaves = list(x) if isinstance(x, (list, tuple)) else [x]
    arrays = all(hasattr(leaf, "shape") and hasattr(leaf, "dtype") for leaf in leaves)
    if len(leaves) != len(specs) or not arrays:
        wanted = ", ".join(f"{spec.name} {_shown(spec.shape)}" for spec in specs)
        kinds = [type(leaf).__name__ for leaf in leaves]
        raise ValueError(
            f"Inputs must be {len(specs)} arrays ({wanted}) in {source}. Received: "
            f"{kinds[:5] if isinstance(x, (list, tuple, Mapping)) else kinds[0]}"
        )
    counts = {}
    for leaf, spec in zip(leaves, specs):
        shape = tuple(leaf.shape) if leaf.shape.__class__ is tuple else _static(leaf.shape)
        if shape is not None:
            _check_shape(shape, spec, source)
            counts[spec.name] = shape[0]
        _check_dtype(leaf.dtype, spec, source)
    known = set(counts.values()) - {None}
    if len(known) > 1:
        raise ValueError(f"Inputs must be equally many in {source}. Received: {counts}")
    count = next(iter(known), None)
    if count is not None and count < least:
        raise ValueError(f"At least {least} example is needed in {source}. Received: {count}")
    return count


def _static(shape: Any) -> tuple | None:
    """Shape as a tuple; `None` where not even the rank is known."""
    return None if getattr(shape, "rank", 0) is None else tuple(shape)


def _shown(shape: tuple) -> str:
    return f"[batch, {', '.join('any' if n is None else str(n) for n in shape)}]"


def _check_shape(shape: tuple, spec: Spec, source: str) -> None:
    if spec.shape[-1:] == (1,) and len(shape) == len(spec.shape):
        return  # Keras adds the last axis
    fits = len(shape) == len(spec.shape) + 1 and all(
        (n != 0 and None in (n, want)) or n == want for n, want in zip(shape[1:], spec.shape)
    )
    if fits:
        return
    hint = ""
    if len(shape) == len(spec.shape):
        hint = " Is this one example? Give a batch: `x[None]`."
    elif len(shape) == 4 and shape[1] == spec.shape[-1] and shape[-1] != spec.shape[-1]:
        hint = " Channels come last: use `numpy.moveaxis(x, 1, -1)`."
    raise ValueError(
        f"Input {spec.name!r} must have shape {_shown(spec.shape)} in {source}. "
        f"Received shape: {shape}.{hint}"
    )


def _check_dtype(dtype: Any, spec: Spec, source: str) -> None:
    if spec.dtype == "string":
        return
    name = getattr(dtype, "name", str(dtype).split(".")[-1])
    if not name.startswith(("float", "bfloat", "int", "uint", "bool")):
        raise ValueError(
            f"Input {spec.name!r} must hold real numbers in {source}. Received dtype: {name}. "
            "Convert it, for example with `numpy.asarray(x, 'float32')`."
        )


def check_drawn(batch: Any, specs: list[Spec]) -> None:
    """Raise for a batch of `predict`, `inputs` or `(inputs, ...)`, that does not fit a model."""
    check_inputs(batch[0] if isinstance(batch, tuple) else batch, specs, "a batch")


def check_batch_size(args: tuple, options: dict[str, Any]) -> None:
    """Raise unless the batch size, first of `args` or an option, is a positive integer or `None`.

    An option becomes an `int` in place: PyTorch's loaders refuse NumPy's integers.
    """
    batch_size = args[0] if args else options.get("batch_size")
    if batch_size is not None:
        batch_size = check_count(batch_size, "batch_size")
        if not args:
            options["batch_size"] = batch_size


def as_array(values: Any) -> Any:
    """Return lists of numbers as arrays, for Keras refuses them; anything else as it is."""
    return to_numpy(values, "labels or weights") if type(values) in (list, tuple) else values
