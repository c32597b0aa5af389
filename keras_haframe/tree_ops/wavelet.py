"""The structured frame in `keras.ops`."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keras_haframe.frames import TreeFrame
from keras_haframe.frames.tree_frame import Level
from keras_haframe.tree_ops.held import held
from keras_haframe.tree_ops.values import Tensor


def tree_matvec(frame: TreeFrame, x: Tensor, training: bool | None = None) -> Tensor:
    """`frame.matvec` in `keras.ops`: gathers and one segment sum per tree level.

    Args:
        frame: The structured frame of K classes.
        x: Float tensor `[B, K]`.
        training: `False` where no gradient is wanted.

    Returns:
        Tensor `[B, K]`, `x @ frame.dense().T`.
    """
    if keras.backend.backend() != "tensorflow" or training is False:
        return _down(frame, x)  # a SavedModel would hold the gradient below

    # TensorFlow scatters the gradient of a gather row by row: half of a training step.
    @ops.custom_gradient
    def product(x: Tensor) -> tuple[Tensor, Callable]:
        return _down(frame, x), lambda upstream: tree_rmatvec(frame, upstream)

    return product(x)


def tree_rmatvec(frame: TreeFrame, y: Tensor) -> Tensor:
    """Apply the adjoint: the same walk from the classes to the root.

    Args:
        frame: The structured frame of K classes.
        y: Float tensor `[B, K]`.

    Returns:
        Tensor `[B, K]`, `y @ frame.dense()`.
    """
    y = ops.transpose(y)
    leaves = y * _column(frame.leaf_gain, y)
    end, values, details = frame.num_classes, leaves[:0], []
    for lv in frame.levels[::-1]:
        start = end - len(lv.leaf)
        # Where each child's row is: among the classes, or behind them what came from below.
        row = np.empty(len(lv.leaf) + len(lv.inner), np.int64)
        row[lv.leaf] = frame.classes[start:end]
        row[lv.inner] = frame.num_classes + np.arange(len(lv.inner))
        source, end = leaves, start
        if not len(lv.leaf):
            source, row = values, row - frame.num_classes
        elif len(lv.inner):
            source = ops.concatenate([leaves, values])
        count = len(lv.gain)
        scaled, further = _reflect(
            lv, ops.take(source, _rows(row[:count]), axis=0),
            ops.take(source, _rows(row[count:]), axis=0),
        )  # fmt: skip
        details.append(further)
        values = _column(lv.gain, y) * scaled
    return ops.transpose(ops.concatenate([values, *details[::-1]]))


def _down(frame: TreeFrame, x: Tensor) -> Tensor:
    """Walk from the root to the classes."""
    x = ops.transpose(x)
    values, done, places, seen = x[:1], [], [], 0
    for lv in frame.levels:
        z = ops.concatenate(_reflect(lv, _column(lv.gain, x) * values, x[lv.details]))
        if len(lv.leaf):
            done.append(z)
            places.append(seen + lv.leaf)
            seen += len(lv.leaf) + len(lv.inner)
        if len(lv.inner):
            values = ops.take(z, _rows(lv.inner), axis=0)
    order = _rows(np.concatenate(places)[frame.class_order])
    leaves = ops.take(done[0] if len(done) == 1 else ops.concatenate(done), order, axis=0)
    return ops.transpose(leaves * _column(frame.leaf_gain, x))


def _reflect(lv: Level, first: Tensor, further: Tensor) -> tuple[Tensor, Tensor]:
    """Reflect every group (Householder): rows of first children, rows of further ones."""
    if not len(lv.segment):
        return first, further
    first_mirror, mirror = _column(lv.first_mirror, first), _column(lv.mirror, first)
    segment = _rows(lv.segment)
    sums = ops.segment_sum(mirror * further, segment, len(lv.gain))
    dots = 2.0 * (first_mirror * first + sums)
    return first - first_mirror * dots, further - mirror * ops.take(dots, segment, axis=0)


def _column(array: np.ndarray, like: Tensor) -> Tensor:
    return held(array, like.dtype)[:, None]


def _rows(array: np.ndarray) -> Tensor:  # a saved graph holds each, so in four bytes
    return held(array, "int32")
