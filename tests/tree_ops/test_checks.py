import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.tree_ops.checks import (
    check_labels,
    check_level,
    check_probabilities,
    check_rank,
    full_precision,
    looks_like_probabilities,
)
from tests.compiled import compiled


@pytest.mark.parametrize(
    "given, wanted",
    [("bfloat16", "float32"), ("float16", "float32"), ("float32", "float32"), ("int32", "float32")],
)
def test_full_precision_raises_half_and_integers_to_float32(given, wanted):
    values = ops.cast(ops.convert_to_tensor([[1.0, 0.0]]), given)
    assert keras.backend.standardize_dtype(full_precision(values).dtype) == wanted


def test_full_precision_keeps_double_where_the_backend_has_it():
    x = ops.convert_to_tensor(np.ones((1, 2), "float64"))
    assert full_precision(x).dtype == x.dtype


def test_labels_may_be_any_integer_array():
    for given in ([0, 3], np.array([0, 3], "uint8"), ops.convert_to_tensor([0, 3])):
        found = check_labels(given, 4, 2)
        assert found.dtype == np.int64 and found.tolist() == [0, 3]


def test_no_labels_are_fine_for_an_empty_batch():
    assert check_labels(np.zeros(0), 4, 0).shape == (0,)


@pytest.mark.parametrize(
    "labels, batch, message",
    [
        ([[0], [1]], 2, "squeeze"),
        (np.eye(4, dtype=int), 4, "one-hot"),
        ([0, 1], 3, "2 labels for 3 examples"),
        ([0.5, 1.0], 2, "must be integer class indices"),
        ([0, 4], 2, "from 0 to 3: the tree has 4 classes. Received label 4"),
        ([-1, 2], 2, "from 0 to 3: the tree has 4 classes. Received label -1"),
    ],
)
def test_wrong_labels_are_refused_with_the_reason(labels, batch, message):
    with pytest.raises(ValueError, match=message):
        check_labels(np.asarray(labels), 4, batch)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([[2.0, -1.0, 0.0, 0.0]], "smallest entry -1"),
        ([[3.1, 2.0, 0.5, 0.0]], "sum to 5.6"),
        ([[0.25, 0.25, 0.25, 0.2]], "sum to 0.95"),
        ([[np.nan, 0.5, 0.25, 0.25]], "sum to nan"),
        ([[0.25] * 4, [0.5, 0.5, 0.5, 0.0]], "sum to 1 to 1.5"),
        ([[1, 1, 0, 0]], "sum to 2"),
    ],
)
def test_rows_that_are_no_distribution_are_refused(rows, found):
    for values in (rows, np.array(rows), ops.convert_to_tensor(np.array(rows, "float32"))):
        with pytest.raises(ValueError, match=rf"{found}.*model\.predict_proba\(x\)"):
            check_probabilities(values, 4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_distributions_of_every_precision_pass(dtype):
    logits = np.random.default_rng(0).normal(size=(64, 1000)) * 3
    p = ops.softmax(ops.cast(ops.convert_to_tensor(logits), dtype))
    assert check_probabilities(p, 1000).shape == (64, 1000)


def test_one_hot_integers_and_empty_batches_are_probabilities():
    assert check_probabilities(np.eye(4, dtype=int), 4).shape == (4, 4)
    assert check_probabilities(np.zeros((0, 4), "float32"), 4).shape == (0, 4)


def test_shapes_and_numbers_of_rows():
    with pytest.raises(ValueError, match=r"shape \[batch, 4\].*\(2, 3\)"):
        check_probabilities(np.ones((2, 3)) / 3, 4)
    with pytest.raises(ValueError, match=r"shape \[3, 4\].*\(2, 4\)"):
        check_probabilities(np.ones((2, 4)) / 4, 4, 3)


def test_compiled_code_checks_shapes_only():
    run = compiled(lambda p: check_probabilities(p, 4) * 2)
    found = ops.convert_to_numpy(run(ops.convert_to_tensor([[2.0, 0.0, 0.0, 0.0]])))
    np.testing.assert_allclose(found, [[4.0, 0.0, 0.0, 0.0]])


def test_logits_do_not_look_like_probabilities():
    assert looks_like_probabilities([[0.5, 0.5], [1.0, 0.0]])
    for values in ([[2.0, -1.0]], [[0.5, 0.5], [0.5, 0.6]], [[-0.1, 1.1]]):
        assert not looks_like_probabilities(values)


def test_levels_are_depths():
    assert [check_level(level, 3) for level in (1, 2, 3, -1, -2, -3)] == [1, 2, 3, 3, 2, 1]
    assert check_level(np.int64(2), 3) == 2


@pytest.mark.parametrize("level", [0, 4, -4, 1.0, "1", None, True])
def test_other_levels_are_refused(level):
    with pytest.raises(
        ValueError, match=r"1 \(children of the root\) to 3 \(classes\).*0 would be"
    ):
        check_level(level, 3)


def test_ranks():
    assert check_rank(1, 4) == 1 and check_rank(4, 4) == 4
    for k in (0, 5, 1.0, True, None):
        with pytest.raises(ValueError, match="from 1 to the number of classes 4"):
            check_rank(k, 4)
