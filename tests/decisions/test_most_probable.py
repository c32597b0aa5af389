"""The plain decision."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.decisions import most_probable
from tests.brute_force import ranking


def best(scores):
    return ops.convert_to_numpy(most_probable(scores)).tolist()


def test_by_hand():
    assert best([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3]]) == [1, 0]


def test_twin():
    scores = np.random.default_rng(0).normal(size=(50, 9))
    assert best(scores) == [ranking(s)[0] for s in scores]


def test_among_equals_the_lower_index():
    assert best([[1, 3, 3], [2, 2, 2], [0, -1, 0]]) == [1, 0, 0]
    assert best(np.zeros((1, 1000), "float32")) == [0]
    assert best(np.repeat([[0.0, 1.0]], 500, axis=1).astype("float32")) == [500]


def test_dtype():
    found = most_probable(np.eye(3))
    assert keras.backend.standardize_dtype(found.dtype) == "int32"
    assert tuple(found.shape) == (3,)


@pytest.mark.parametrize("batch", [0, 1])
def test_small_batches(batch):
    assert best(np.ones((batch, 3), "float32")) == [0] * batch


def test_huge_scores():
    assert best(np.array([[1e4, -1e4], [-np.inf, -1e30], [1e30, np.inf]], "float32")) == [0, 1, 1]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_many_classes_in_half_precision(dtype):
    """Class indices above 256 come out exact."""
    scores = np.zeros((3, 5000), "float32")
    scores[np.arange(3), [257, 301, 4999]] = 1.0
    assert best(ops.cast(scores, dtype)) == [257, 301, 4999]


def test_integer_scores():
    assert best([[4, 3, 9]]) == [2]
