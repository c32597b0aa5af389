import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.tree_ops.checks import (
    check_labels,
    check_logits,
    check_probabilities,
    check_weights,
)
from tests.brute_force import softmax
from tests.compiled import compiled

COMPILES = pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch does not compile")


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
        ([[2.0, -1.0, 0.0, 0.0]], "row 0 sums to 1, its smallest entry is -1"),
        ([[3.1, 2.0, 0.5, 0.0]], "row 0 sums to 5.6"),
        ([[0.25, 0.25, 0.25, 0.2]], "sums to 0.95"),
        ([[np.inf, 0.5, 0.25, 0.25]], "sums to inf"),
        ([[0.25] * 4, [0.5, 0.5, 0.5, 0.0]], "row 1 sums to 1.5"),
        ([[1, 1, 0, 0]], "sums to 2"),
    ],
)
def test_rows_that_are_no_distribution_are_refused(rows, found):
    for values in (rows, np.array(rows), ops.convert_to_tensor(np.array(rows, "float32"))):
        with pytest.raises(ValueError, match=rf"{found}.*model\.predict_proba\(x\)"):
            check_probabilities(values, 4)


def test_nan_is_told():
    with pytest.raises(ValueError, match="NaN in row 1: the network may have diverged"):
        check_probabilities([[0.5, 0.5], [np.nan, 0.5]], 2)


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


@COMPILES
def test_compiled_code_checks_shapes_only():
    run = compiled(lambda p: check_probabilities(p, 4) * 2)
    found = ops.convert_to_numpy(run(ops.convert_to_tensor([[2.0, 0.0, 0.0, 0.0]])))
    np.testing.assert_allclose(found, [[4.0, 0.0, 0.0, 0.0]])


P = softmax(np.random.default_rng(0).normal(size=(6, 1000)))


def test_rows_rounded_to_half_precision_before_pass():
    check_probabilities(ops.cast(ops.cast(P, "bfloat16"), "float32"), 1000)
    check_probabilities([[0.3333, 0.3333, 0.3333]], 3)  # rounded by a file


def test_symbolic_probabilities_and_labels():
    assert tuple(check_probabilities(keras.KerasTensor((None, 3)), 3).shape) == (None, 3)
    with pytest.raises(ValueError, match=r"\[batch, 4\]"):
        check_probabilities(keras.KerasTensor((None, 3)), 4)
    with pytest.raises(ValueError, match="outside compiled functions and never on symbolic"):
        check_labels(keras.KerasTensor((3,), "int64"), 4)


def test_scores_are_not_probabilities():
    for scores in (P - 1, np.log(P), 3 * P, P + np.eye(6, 1000) * 1e-4, np.zeros((0, 3))):
        scores = ops.convert_to_tensor(scores)
        assert check_logits(scores, "`scores`", "") is scores
    for p in (P, P.astype("float32"), np.eye(3)):
        with pytest.raises(ValueError, match=r"`scores` must be class scores.*already. Do this."):
            check_logits(ops.convert_to_tensor(p), "`scores`", "Do this.")


def test_label_source_and_number():
    with pytest.raises(ValueError, match="label 9 in the validation data. If labels start at 1"):
        check_labels([9], 4, source="the validation data")
    with pytest.raises(ValueError, match="dtype str96 in the validation data. Convert"):
        check_labels(["car"], 4, source="the validation data")
    with pytest.raises(ValueError, match="At least 1 example is needed"):
        check_labels([], 4, least=1)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, np.nan], "finite and not negative. Received: nan in the data"),
        ([1.0, np.inf], "Received: inf"),
        ([-1.0, 1.0], "Received: -1.0"),
        ([1.0], r"shape \[2\].*in the data. Received shape: \(1,\)"),
        ([[1.0, 1.0], [1.0, 1.0]], r"Received shape: \(2, 2\)"),
        (["a", "b"], "array of real numbers"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), "masked array with 1 masked"),
    ],
)
def test_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        check_weights(weights, 2, "the data")


def test_good_weights():
    assert check_weights([[1.0], [0.0]], 2).tolist() == [1.0, 0.0]
    assert check_weights(2, 3).shape == ()
    assert check_weights(np.ones((3, 2)), 3, columns=2).shape == (3, 2)
