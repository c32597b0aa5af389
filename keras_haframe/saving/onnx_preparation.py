"""A `Preprocessing` as ONNX nodes: from decoded images of any size to the network's input."""

from __future__ import annotations

import numpy as np

from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.saving import resizing
from keras_haframe.saving.onnx_nodes import Nodes, onnx_type

_ZERO, _HALF, _ONE = (np.array(v, np.float32) for v in (0, 0.5, 1))


def add(g: Nodes, how: Preprocessing, name: str) -> None:
    """Add the nodes from `images` uint8 `[B, h, w, C]` to `name` float32 `[B, H, W, C]`.

    Bilinear and nearest resizing as in `saving.resizing`: two products with weights that the graph
    makes, so every runtime does the same.

    Raises:
        ValueError: For another interpolation.
    """
    resizing.check(how)
    assert how.size is not None
    planes = g.Cast(g.Transpose("images", perm=[0, 3, 1, 2]), to=onnx_type("float32"))
    shape = g.Cast(g.Shape(planes, start=2, end=4), to=onnx_type("float32"))
    windows = _windows(g, how, shape)
    rows, columns = (_weights(g, how, windows, shape, axis) for axis in (0, 1))
    resized = g.MatMul(g.MatMul(rows, planes), g.Transpose(columns, perm=[1, 0]))
    pixels = g.Transpose(resized, perm=[0, 2, 3, 1])
    low, high = how.input_range
    if (low, high) != (0.0, 255.0):
        pixels = g.Mul(pixels, np.array((high - low) / 255.0, np.float32))
        pixels = g.Add(pixels, np.array(low, np.float32))
    if how.bgr:
        pixels = g.Gather(pixels, np.array([2, 1, 0]), axis=3)
    if how.mean is not None:
        pixels = g.Sub(pixels, np.array(how.mean, np.float32))
    if how.std is not None:
        pixels = g.Div(pixels, np.array(how.std, np.float32))
    g.Identity(pixels, name=name)


def _windows(
    g: Nodes, how: Preprocessing, shape: str
) -> tuple[str | np.ndarray, str, str | np.ndarray, str | np.ndarray]:
    """As `resizing.windows`: start, count, first, made, float32 `[2]` each."""
    size = np.array(how.size, np.float32)
    if how.resize == "crop":
        least = g.ReduceMin(g.Div(shape, size), np.array([0]))
        scale = g.Mul(least, np.array(how.crop_fraction, np.float32))
        count = g.Max(g.Min(g.Round(g.Mul(size, scale)), shape), _ONE)
        start = g.Floor(g.Div(g.Sub(shape, count), np.array(2, np.float32)))
        return start, count, np.zeros(2, np.float32), size
    if how.resize == "pad":
        exact = g.Div(shape, g.ReduceMax(g.Div(shape, size), np.array([0])))
        made = g.Max(g.Floor(exact), _ONE)
        first = g.Max(g.Floor(g.Mul(g.Sub(size, exact), _HALF)), _ZERO)
        return np.zeros(2, np.float32), shape, first, made
    return np.zeros(2, np.float32), shape, np.zeros(2, np.float32), size


def _weights(g: Nodes, how: Preprocessing, windows: tuple, shape: str, axis: int) -> str:
    """As `resizing.weights`, `[size, length]`."""
    assert how.size is not None
    start, count, first, made = (g.Gather(part, np.array(axis)) for part in windows)
    pixels = np.arange(how.size[axis], dtype=np.float32)[:, None]
    i = g.Sub(pixels, first)
    j = g.Unsqueeze(g.Range(_ZERO, g.Gather(shape, np.array(axis)), _ONE), np.array([0]))
    j = g.Sub(j, start)
    scale = g.Div(count, made)
    at = g.Mul(g.Add(i, _HALF), scale)
    if how.interpolation == "nearest":
        last = g.Sub(count, _ONE)
        found = g.Equal(g.Max(g.Min(g.Floor(at), last), _ZERO), j)
        found = g.Cast(found, to=onnx_type("float32"))
    else:
        reach = g.Max(scale, _ONE) if how.antialias else _ONE
        away = g.Div(g.Abs(g.Sub(g.Sub(at, _HALF), j)), reach)
        found = g.Max(g.Sub(_ONE, away), _ZERO)
    for places, end in ((i, made), (j, count)):
        inside = g.And(g.GreaterOrEqual(places, _ZERO), g.Less(places, end))
        found = g.Where(inside, found, _ZERO)
    total = g.ReduceSum(found, np.array([1]))
    return g.Div(found, g.Max(total, np.array(1e-9, np.float32)))
