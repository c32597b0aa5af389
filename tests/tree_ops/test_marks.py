"""Examples that cannot be counted: an error where values are at hand, NaN in compiled code."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.tree_ops.marks import (
    example_weights,
    marked_labels,
    of_another_kind,
    poisoned,
    split_marks,
)
from tests.compiled import compiled

COMPILES = pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch does not compile")
NAN = float("nan")


def any_rows(function, *arrays):
    """`function` in a graph that knows no number of rows, which TensorFlow alone has."""
    if keras.backend.backend() != "tensorflow":
        return ops.convert_to_numpy(compiled(function)(*arrays))
    import tensorflow as tf

    specs = [tf.TensorSpec([None, *np.shape(a)[1:]], np.asarray(a).dtype) for a in arrays]
    return tf.function(function, input_signature=specs)(*arrays).numpy()


@pytest.mark.parametrize("labels", [[0, 3], np.array([0, 3], "uint8"), (np.int8(0), 3)])
def test_labels_at_hand(labels):
    rows = ops.zeros((2, 4))
    for given in (labels, ops.convert_to_tensor(labels)):
        found, lost = split_marks(marked_labels(given, rows, 4))
        assert keras.backend.standardize_dtype(found.dtype) == "int32"
        assert ops.convert_to_numpy(found).tolist() == [0, 3]
        assert not ops.convert_to_numpy(lost).any()
    assert tuple(marked_labels([], [], 4).shape) == (0,)
    for wrong, message in (
        ([0, 4], "label 4"), ([-1, 0], "label -1"), ([0, 2**40], "label 1099511627776"),
        ([0.0, 1.0], "dtype float"), ([[0]], "squeeze"), ([0], "1 labels for 2 examples"),
        (np.ma.masked_array([0, 1], [True, False]), "masked"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            marked_labels(wrong, rows, 4)
    assert ops.convert_to_numpy(marked_labels([0.0, 3.0], rows, 4, whole=True)).tolist() == [0, 3]
    with pytest.raises(ValueError, match="dtype float"):
        marked_labels([0.0, 1.5], rows, 4, whole=True)


def test_nan_scores_mark_their_example():
    rows = ops.convert_to_tensor([[0.0, NAN], [1.0, 2.0]])
    found, lost = split_marks(marked_labels([1, 1], {"a": rows, "b": ops.zeros((2,))}, 2))
    assert ops.convert_to_numpy(lost).tolist() == [True, False]
    assert ops.convert_to_numpy(found).tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"one row per example. Received: \[1, 2\] rows"):
        marked_labels([1, 1], [rows, rows[:1]], 2)


@COMPILES
@pytest.mark.parametrize(
    ("labels", "lost"),
    [
        (np.array([0, 3, 4, -1, 10**6]), [0, 0, 1, 1, 1]),
        (np.array([0, 3, 2**31 - 1, -(2**31), 1]), [0, 0, 1, 1, 0]),
        (np.array([0.0, 3.0, 1.5, NAN, np.inf]), [0, 0, 1, 1, 1]),
    ],
)
def test_labels_out_of_range_are_marked_in_compiled_code(labels, lost):
    labels = labels.astype("int32" if labels.dtype.kind == "i" else "float32")
    marked = compiled(lambda y, z: marked_labels(y, z, 4))(labels, np.zeros((5, 4), "float32"))
    assert np.isnan(ops.convert_to_numpy(marked)).tolist() == [bool(v) for v in lost]
    with pytest.raises(ValueError, match="squeeze"):
        compiled(lambda y: marked_labels(y, [], 4))(np.zeros((2, 1), int))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="unknown numbers of rows")
@pytest.mark.parametrize(("number", "rows"), [(1, 3), (2, 3), (4, 3), (0, 3), (3, 1)])
def test_labels_of_another_number_mark_all(number, rows):
    y, z = np.zeros(number, "int32"), np.zeros((rows, 4), "float32")
    assert np.isnan(any_rows(lambda y, z: marked_labels(y, z, 4), y, z)).tolist() == [True] * rows
    w = np.ones(number, "float32")
    assert np.isnan(any_rows(lambda w, z: example_weights(w, z, "float32"), w, z)).all()
    good = any_rows(lambda y, z: marked_labels(y, z, 4), np.arange(rows, dtype="int32"), z)
    assert good.tolist() == list(range(rows))


@COMPILES
def test_weights_in_compiled_code():
    like = np.zeros((4, 2), "float32")
    run = compiled(lambda w: example_weights(w, like, "float32"))
    found = ops.convert_to_numpy(run(np.array([[1.0], [NAN], [-1.0], [np.inf]], "float32")))
    assert found.shape == (4,) and found[0] == 1 and np.isnan(found[1:]).all()
    with pytest.raises(ValueError, match=r"Received shape: \(4, 2\)"):
        run(np.ones((4, 2), "float32"))


def test_poison_and_kinds():
    lost = ops.convert_to_tensor([False, True])
    values = ops.convert_to_numpy(poisoned(ops.ones((2, 3)), lost))
    assert values[0].tolist() == [1, 1, 1] and np.isnan(values[1]).all()
    assert np.isnan(float(poisoned(ops.convert_to_tensor(1.0), lost)))
    rows = ops.convert_to_tensor([[0.25, 0.75], [0.5, 0.5]])
    assert ops.convert_to_numpy(of_another_kind(rows, logits=True)).tolist() == [True, True]
    assert ops.convert_to_numpy(of_another_kind(rows, logits=False)).tolist() == [False, False]
    rows = ops.convert_to_tensor([[0.25, 0.75], [-1.0, 2.0]])
    assert ops.convert_to_numpy(of_another_kind(rows, logits=True)).tolist() == [False, False]
    assert ops.convert_to_numpy(of_another_kind(rows, logits=False)).tolist() == [False, True]
