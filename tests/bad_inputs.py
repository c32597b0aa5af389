"""Bad inputs by the role of an argument, and what became of a call with one of them.

`benchmarks/bad_inputs.py` counts all of them, `tests/test_bad_inputs.py` some. A variant may name
its good twin: an input that means the same, so that the answer must be that of the good one.
"""

from __future__ import annotations

import dataclasses
import pathlib
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

PACKAGE = str(pathlib.Path(__file__).parents[1] / "keras_haframe")
CLEAR = (ValueError, TypeError, KeyError, OSError)
SAME = "same"  # means what the good input means
TOLD = "told"  # may be accepted where the result says so: NaN


@dataclasses.dataclass
class Case:
    """A call with one bad argument: `call(bad)` runs it."""

    target: str
    argument: str
    variant: str
    call: Callable[[], Any]
    good: Callable[[], Any] | None  # the result that an equal input must give

    def __str__(self) -> str:
        return f"{self.target} | {self.argument} | {self.variant}"


@dataclasses.dataclass
class As:
    """A variant means what another value means."""

    value: Any


def first(values: Any, value: Any) -> np.ndarray:
    """A copy whose first number is another one."""
    array = np.array(values)
    array.flat[0] = value
    return array


def labels(y: np.ndarray, k: int) -> Iterator[tuple[str, Any, str]]:
    """Variants of good integer labels `[n]`: name, value, `SAME` or empty."""
    for value in (-1, -k, k, k + 5, 10**6, 2**40, 2**62, -(2**62)):
        yield f"label {value}", first(y, value), ""
    for value in (1.5, np.nan, np.inf, -0.5, 1e30):
        yield f"float label {value}", first(y.astype(float), value), ""
    yield "floats that are whole", y.astype("float32"), SAME
    yield "one-hot", np.eye(k, dtype="int32")[y], ""
    yield "one-hot floats", np.eye(k, dtype="float32")[y], ""
    yield "[n, 1]", y[:, None], ""
    yield "[1, n]", y[None], ""
    yield "[n, 2]", np.stack([y, y], 1), ""
    yield "[n, 1, 1]", y[:, None, None], ""
    yield "a number", int(y[0]), ""
    yield "0-d array", np.array(y[0]), ""
    yield "none of them", y[:0], ""
    yield "an empty list", [], ""
    yield "one fewer", y[:-1], ""
    yield "one more", np.append(y, y[0]), ""
    yield "only one", y[:1], ""
    yield "twice as many", np.concatenate([y, y]), ""
    yield "strings", y.astype(str), ""
    yield "bytes", y.astype("S"), ""
    yield "objects", first(y.astype(object), None), ""
    yield "objects of arrays", [*y[:-1].tolist(), np.array([1, 2])], ""
    yield "booleans", y.astype(bool), ""
    yield "complex", y.astype(complex), ""
    yield "dates", y.astype("datetime64[D]"), ""
    yield "ragged", [[1], [1, 2], *y[2:].tolist()], ""
    yield "list of None", [None] * len(y), ""
    yield "None", None, ""
    yield "a dictionary", {"a": y}, ""
    yield "a set", set(y.tolist()), ""
    yield "a string", "cat", ""
    yield "an object", object(), ""
    yield "masked", np.ma.masked_array(y, np.arange(len(y)) == 0), ""
    yield "a list", y.tolist(), SAME
    yield "a tuple", tuple(y.tolist()), SAME
    yield "int8", y.astype("int8"), SAME
    yield "uint8", y.astype("uint8"), SAME
    yield "int64", y.astype("int64"), SAME
    yield "a tensor", keras.ops.convert_to_tensor(y.astype("int32")), SAME


def arrays(z: np.ndarray, probabilities: bool = False) -> Iterator[tuple[str, Any, str]]:
    """Variants of good float rows `[n, w]`: scores or probabilities."""
    n, w = z.shape
    yield "a column fewer", z[:, :-1], ""
    yield "a column more", np.concatenate([z, z[:, :1]], 1), ""
    yield "transposed", z.T, ""
    yield "one row", z[0], ""
    yield "1-d", z.ravel(), ""
    yield "3-d", z[:, None], ""
    yield "3-d, 1 at the end", z[..., None], ""
    yield "a number", float(z[0, 0]), ""
    yield "no rows", z[:0], ""
    yield "no columns", z[:, :0], ""
    yield "an empty list", [], ""
    yield "a row fewer", z[:-1], ""
    yield "a row more", np.concatenate([z, z[:1]]), ""
    yield "only one row", z[:1], ""
    yield "one NaN", first(z, np.nan), TOLD
    yield "only NaN", np.full_like(z, np.nan), TOLD
    yield "a NaN row in the middle", np.where(np.arange(n)[:, None] == n // 2, np.nan, z), TOLD
    yield "strings", z.astype(str), ""
    yield "objects", first(z.astype(object), None), ""
    yield "objects that are floats", z.astype(object), SAME
    high = z > z.mean(1, keepdims=True)
    yield "booleans", high, "" if probabilities else As(high.astype("float32"))
    yield "complex", z.astype("complex64"), ""
    yield "dates", np.zeros(z.shape, "datetime64[D]"), ""
    yield "ragged", [[0.1], [0.1, 0.2], *z[2:].tolist()], ""
    yield "None", None, ""
    yield "list of None", [None] * n, ""
    yield "a set", {1.0, 2.0}, ""
    yield "a string", "scores", ""
    yield "an object", object(), ""
    yield "a list", z.tolist(), SAME
    yield "float64", z.astype("float64"), SAME
    yield "a tensor", keras.ops.convert_to_tensor(z), SAME
    yield "not contiguous", np.asfortranarray(z), SAME
    if probabilities:
        yield "sum 2", 2 * z, ""
        yield "percent", 100 * z, ""
        yield "logits", np.log(z + 1e-9) + 3, ""
        yield "a negative one", np.where(np.arange(w) == 0, z - 1, z + 1 / max(w - 1, 1)), ""
        yield "a row of zeros", np.where(np.arange(n)[:, None] == 1, 0, z), ""
        yield "infinite", first(z, np.inf), ""
        yield "huge", np.full_like(z, 1e38), ""
        yield "integers", (10 * z).astype(int), ""


def weights(w: np.ndarray) -> Iterator[tuple[str, Any, str]]:
    """Variants of good sample weights `[n]`."""
    yield "NaN", first(w, np.nan), TOLD
    yield "infinite", first(w, np.inf), TOLD
    yield "negative", first(w, -1.0), TOLD
    yield "all negative", -w, TOLD
    yield "one fewer", w[:-1], ""
    yield "one more", np.append(w, 1.0), ""
    yield "only one", w[:1], ""
    yield "none of them", w[:0], ""
    yield "[n, 2]", np.stack([w, w], 1), ""
    yield "[1, n]", w[None], ""
    yield "strings", w.astype(str), ""
    yield "objects", first(w.astype(object), None), ""
    yield "complex", w.astype("complex64"), ""
    yield "ragged", [[1.0], [1.0, 2.0], *w[2:].tolist()], ""
    yield "a string", "weights", ""
    yield "[n, 1]", w[:, None], SAME
    yield "a list", w.tolist(), SAME
    yield "float64", w.astype("float64"), SAME


def images(x: np.ndarray) -> Iterator[tuple[str, Any, str]]:
    """Variants of good float images `[n, h, w, 3]`."""
    yield "one image", x[0], ""
    yield "no channels", x[..., 0], ""
    yield "one channel", x[..., :1], ""
    yield "four channels", np.concatenate([x, x[..., :1]], -1), ""
    yield "channels first", np.moveaxis(x, -1, 1), ""
    yield "5-d", x[None], ""
    yield "flat", x.reshape(len(x), -1), ""
    yield "another size", x[:, :-2], ""
    yield "no size", x[:, :0], ""
    yield "none of them", x[:0], ""
    yield "NaN", first(x, np.nan), TOLD
    yield "infinite", first(x, np.inf), TOLD
    yield "a number", 1.0, ""
    yield "strings", x.astype(str), ""
    yield "objects", first(x.astype(object), None), ""
    yield "complex", x.astype("complex64"), ""
    yield "ragged", [x[0], x[1][:2]], ""
    yield "None", None, ""
    yield "a string", "images", ""
    yield "an object", object(), ""
    yield "a dictionary of another name", {"other": x}, ""
    yield "two inputs", [x, x], ""
    yield "float64", x.astype("float64"), SAME
    yield "a tensor", keras.ops.convert_to_tensor(x), SAME


def trees(tree: Any, other: Any) -> Iterator[tuple[str, Any, str]]:
    """Variants of a good class tree."""
    yield "None", None, ""
    yield "a path", "tree.json", ""
    yield "a dictionary", {}, ""
    yield "a nested dictionary", {"a": ["b", "c"]}, ""
    yield "edges", [("a", "b")], ""
    yield "a number", 4, ""
    yield "its class", type(tree), ""
    yield "other classes", other, ""
    yield "its configuration", tree.get_config(), SAME
    yield "a broken configuration", {"edges": [("a", "b"), ("b", "a")], "leaves": ["a"]}, ""
    yield "a configuration of numbers", {"edges": 3, "leaves": 4}, ""


def counts(least: int, most: int | None, good: int) -> Iterator[tuple[str, Any, str]]:
    """Variants of a good integer option."""
    outside = [least - 1, -(10**6)] + ([most + 1, 10**9] if most is not None else [])
    for value in (*outside, 1.5, float(good), np.nan, np.inf, "1", True, [good], {}, 1j, object()):
        yield repr(value)[:20], value, ""
    yield "np.int64", np.int64(good), SAME


def numbers(good: float, bad: tuple = (), none: bool = False) -> Iterator[tuple[str, Any, str]]:
    """Variants of a good real option; `bad` are numbers out of its range."""
    for value in (*bad, np.nan, "0.5", "x", [good, good], {}, 1j, object(), b"1"):
        yield repr(value)[:20], value, ""
    if not none:
        yield "None", None, ""
    yield "np.float64", np.float64(good), SAME


def choices() -> Iterator[tuple[str, Any, str]]:
    """Values that are no known word."""
    for value in ("", "other", None, 1, ["depth"], {}, 1.5, b"depth", object()):
        yield repr(value)[:20], value, ""


# What became of a call --------------------------------------------------------------------------


def flat(result: Any) -> list[np.ndarray]:
    """All numbers of a result."""
    if result is None or isinstance(result, (str, bytes)):
        return []
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        fields = (f.name for f in dataclasses.fields(result))
        return flat([getattr(result, n) for n in fields if n not in ("tree", "floor", "notes")])
    if isinstance(result, dict):
        return [a for key in sorted(result, key=str) for a in flat(result[key])]
    if isinstance(result, (list, tuple)):
        return [a for part in result for a in flat(part)]
    if isinstance(result, (bool, int, float, np.generic, np.ndarray)):
        array = np.asarray(result)
    elif hasattr(result, "shape"):
        array = keras.ops.convert_to_numpy(result)
    else:
        return []
    return [array.astype(np.float64)] if array.dtype.kind in "biuf" else []


def has_nan(result: Any) -> bool:
    return any(np.isnan(a).any() for a in flat(result))


def equal(a: Any, b: Any) -> bool:
    a, b = flat(a), flat(b)
    return len(a) == len(b) and all(
        x.shape == y.shape and np.allclose(x, y, 1e-4, 1e-5, equal_nan=True) for x, y in zip(a, b)
    )


def ours(error: BaseException) -> bool:
    """Whether the error was raised by a line of this package, and not by one it calls."""
    frames = traceback.extract_tb(error.__traceback__)
    said = bool(frames) and (frames[-1].line or "").startswith("raise ")
    return said and frames[-1].filename.startswith(PACKAGE)


KERAS = ("Could not interpret optimizer identifier", "must have a `class_name`")


def told_by_keras(error: BaseException) -> bool:
    """Whether the error is one of Keras's own that say what was received."""
    return any(text in str(error) for text in KERAS)


def outcome(case: Case) -> tuple[str, str]:
    """`clear`, `internal`, `same`, `told`, or `silent`, and what was said."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            result = case.call()
        except CLEAR as error:
            text = str(error).replace("\n", " ")
            clear = ours(error) or isinstance(error, OSError) or told_by_keras(error)
            return ("clear" if clear else "internal"), f"{type(error).__name__}: {text}"
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            place = f"{pathlib.Path(frames[-1].filename).name}:{frames[-1].lineno}"
            text = str(error).replace("\n", " ")
            return "internal", f"{type(error).__name__} ({place}): {text}"
        if case.good is not None:
            return ("same" if equal(result, case.good()) else "silent"), "not the same"
        if has_nan(result):
            return "told", "NaN"
        warned = [str(w.message) for w in said if issubclass(w.category, UserWarning)]
        return ("told" if warned else "silent"), "; ".join(warned) or f"{str(result)[:80]}"
