import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.decisions.inputs import class_labels, full_precision


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
        found = class_labels(given, 4, 2)
        assert found.dtype == np.int64 and found.tolist() == [0, 3]


def test_no_labels_are_fine_for_an_empty_batch():
    assert class_labels(np.zeros(0), 4, 0).shape == (0,)


@pytest.mark.parametrize(
    "labels, batch, message",
    [
        ([[0], [1]], 2, "squeeze"),
        (np.eye(4, dtype=int), 4, "one-hot"),
        ([0, 1], 3, "2 labels for 3 examples"),
        ([0.5, 1.0], 2, "must be integers"),
        ([0, 4], 2, "from 0 to 3. Received label: 4"),
        ([-1, 2], 2, "from 0 to 3. Received label: -1"),
    ],
)
def test_wrong_labels_are_refused_with_the_reason(labels, batch, message):
    with pytest.raises(ValueError, match=message):
        class_labels(np.asarray(labels), 4, batch)
