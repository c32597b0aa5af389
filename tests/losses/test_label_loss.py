"""What all losses of integer labels share."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.losses import LabelLoss
from keras_haframe.tree_ops.checks import check_label_shape, check_width
from keras_haframe.tree_ops.options import non_negative


def test_check_width():
    logits = np.zeros((2, 4))
    assert check_width(logits, 4, "Logits", "class of the tree") is logits
    message = r"^Logits must have shape \[batch, 3\], one per class of the tree\. .*\(2, 4\)$"
    with pytest.raises(ValueError, match=message):
        check_width(logits, 3, "Logits", "class of the tree")


@pytest.mark.parametrize("value", [0, 2, 0.5, np.float32(0.5), np.float64(3), np.int64(1)])
def test_non_negative_gives_a_plain_float(value):
    found = non_negative("alpha", value)
    assert type(found) is float and found == value


@pytest.mark.parametrize("value", [-1e-9, np.inf, np.nan, True, "1", None, [1.0]])
def test_non_negative_refuses(value):
    with pytest.raises(ValueError, match=r"`alpha` must be a number in \[0, inf\)\. .*alpha="):
        non_negative("alpha", value)


class Echo(LabelLoss):
    """The labels it was given, as the loss."""

    def __init__(self, name="echo", reduction="none", dtype=None):
        super().__init__(name, reduction, dtype)

    def loss(self, labels, outputs):
        assert keras.backend.standardize_dtype(labels.dtype) == "int32"
        return ops.cast(labels, self.dtype)


def test_labels_may_be_a_list():
    """Keras takes a list for a structure of tensors; here it is one array."""
    np.testing.assert_array_equal(
        ops.convert_to_numpy(Echo()([2, 0, 1], np.ones((3, 4)))), [2, 0, 1]
    )


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "float32"])
def test_label_dtypes(dtype):
    labels = np.array([3, 0, 127], dtype)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(Echo()(labels, np.ones((3, 4)))), [3, 0, 127]
    )


@pytest.mark.parametrize(
    "policy", ["float32", "mixed_bfloat16", "mixed_float16", "bfloat16", "float16"]
)
def test_labels_stay_exact_under_any_policy(policy):
    """bfloat16 holds integers up to 256 only, float16 up to 2048."""
    keras.config.set_dtype_policy(policy)
    labels = np.array([257, 301, 4099, 9999, 16_777_215])
    half = ops.ones((5, 2), dtype="bfloat16")
    np.testing.assert_array_equal(ops.convert_to_numpy(Echo()(labels, half)), labels)


@pytest.mark.parametrize("dtype", [None, "bfloat16", "float16", "float32"])
def test_never_below_float32(dtype):
    assert Echo(dtype=dtype).dtype == "float32"
    assert Echo(dtype="float64").dtype == "float64"


def test_floatx_does_not_lower_it():
    before = keras.config.floatx()
    try:
        keras.config.set_floatx("float16")
        assert Echo().dtype == "float32"
    finally:
        keras.config.set_floatx(before)


@pytest.mark.parametrize(
    "shape,num_classes,mend",
    [
        ((5, 1), None, "Drop the last axis"),
        ((5, 4), 4, "numpy.argmax"),
        ((5, 4), None, "numpy.argmax"),
        ((5, 3), 4, "one integer class index per example"),
        ((2, 2, 2), 4, "one integer class index per example"),
        ((), 4, "one integer class index per example"),
    ],
)
def test_label_shapes(shape, num_classes, mend):
    with pytest.raises(ValueError, match=r"Labels must be integers of shape \[batch\]") as error:
        check_label_shape(shape, num_classes)
    assert str(shape) in str(error.value)
    assert mend in str(error.value)


@pytest.mark.parametrize("shape", [(0,), (1,), (7,), (None,)])
def test_good_label_shapes(shape):
    check_label_shape(shape, 4)


def test_label_shape_is_checked_in_the_call():
    with pytest.raises(ValueError, match="Drop the last axis"):
        Echo()(np.zeros((3, 1), "int32"), np.ones((3, 4)))


def test_reductions():
    labels, outputs = np.array([1, 2, 6]), np.ones((3, 4))
    assert float(Echo(reduction="sum")(labels, outputs)) == 9
    assert float(Echo(reduction="sum_over_batch_size")(labels, outputs)) == 3
    np.testing.assert_allclose(float(Echo(reduction="sum")(labels, outputs, [1.0, 0.5, 0.0])), 2.0)
    np.testing.assert_allclose(
        float(Echo(reduction="sum_over_batch_size")(labels, outputs, np.array([3.0, 0.0, 1.0]))),
        3.0,
    )


def test_config():
    assert Echo(reduction="sum", dtype="float64").get_config() == {
        "name": "echo", "reduction": "sum", "dtype": "float64"
    }  # fmt: skip


def test_a_subclass_gives_the_maths():
    with pytest.raises(NotImplementedError):
        LabelLoss("nothing")(np.array([0]), np.ones((1, 2)))
