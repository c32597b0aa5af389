"""Arrays and tensors of whatever kind."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.tree_ops.values import full_precision, holds_values
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


def test_who_holds_values():
    x = ops.convert_to_tensor([1.0, 2.0])
    assert holds_values(x) and not holds_values(keras.KerasTensor((2,)))
    if keras.backend.backend() == "torch":
        pytest.skip("PyTorch runs functions as they are")
    seen = []

    def function(x):
        seen.append(holds_values(x))
        return x + 1

    compiled(function)(np.ones(2, "float32"))
    assert seen and not any(seen)
