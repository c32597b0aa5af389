import keras
import numpy as np
import pytest

from keras_haframe.collapse import NeuralCollapse
from keras_haframe.collapse.checks import NonFiniteError, check_classifier
from keras_haframe.tree_ops.values import to_numpy

FEATURES = np.array([[1.0, 0.5], [2.0, -1.0], [0.25, 4.0]], "float32")
LABELS = np.array([0, 1, 1], "int32")


def makers():
    yield "numpy", lambda x: x
    yield "list", lambda x: x.tolist()
    yield "keras", keras.ops.convert_to_tensor
    for name in ("tensorflow", "jax.numpy", "torch"):
        yield name, name


@pytest.mark.parametrize("name,make", list(makers()))
def test_tensors_of_every_backend(name, make):
    if isinstance(make, str):
        module = pytest.importorskip(make)
        make = {
            "tensorflow": lambda x: module.constant(x),
            "jax.numpy": lambda x: module.asarray(x),
            "torch": lambda x: module.tensor(x, requires_grad=x.dtype == np.float32),
        }[name]
    nc = NeuralCollapse(2, 2)
    nc.update(make(FEATURES), make(LABELS))
    np.testing.assert_allclose(nc.class_means, [[1.0, 0.5], [1.125, 1.5]])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "int32", "uint8"])
def test_dtypes(dtype):
    values = keras.ops.cast(np.abs(FEATURES) * 4, dtype)  # exact in every one of them
    nc = NeuralCollapse(2, 2)
    nc.update(values, LABELS)
    np.testing.assert_allclose(nc.class_means, [[4.0, 2.0], [4.5, 10.0]])
    assert nc.class_means.dtype == np.float64


def test_bfloat16_of_torch_and_of_ml_dtypes():
    torch = pytest.importorskip("torch")
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for values in (
        torch.tensor(FEATURES, dtype=torch.bfloat16),
        FEATURES.astype(ml_dtypes.bfloat16),
    ):
        nc = NeuralCollapse(2, 2)
        nc.update(values, LABELS)
        np.testing.assert_allclose(nc.class_means, [[1.0, 0.5], [1.125, 1.5]])
    with pytest.raises(NonFiniteError):
        nc.update(np.array([[np.nan, 1.0]]).astype(ml_dtypes.bfloat16), [0])


def test_keras_variable():
    variable = keras.Variable(FEATURES)
    np.testing.assert_array_equal(to_numpy(variable, "features"), FEATURES)


def test_symbolic_tensors_are_refused():
    with pytest.raises(ValueError, match="must hold values"):
        NeuralCollapse(2, 2).update(keras.Input((2,)), LABELS)


@pytest.mark.parametrize(
    "labels,message",
    [
        (np.eye(3)[[0, 1, 1]], "one-hot: use `numpy.argmax"),
        (np.zeros((3, 2), int), r"shape \[batch\]. Received shape: \(3, 2\)"),
        (np.zeros((), int), r"Received shape: \(\)"),
        ([0, 1], "2 labels for 3 examples"),
        ([0.0, 1.0, 1.0], "integer class indices. Received dtype float64"),
        ([True, False, True], "Received dtype bool"),
        (["a", "b", "c"], "tree.index"),
        ([0, 1, 3], "from 0 to 2.*Received label 3"),
        ([0, -1, 2], "Received label -1"),
    ],
)
def test_label_errors(labels, message):
    with pytest.raises(ValueError, match=message):
        NeuralCollapse(3, 2).update(FEATURES, labels)


@pytest.mark.parametrize(
    "features,message",
    [
        (np.zeros((3, 4)), r"shape \[B, 2\]. Received shape: \(3, 4\)"),
        (np.zeros(2), r"Received shape: \(2,\)"),
        (np.zeros((3, 7, 7, 2)), "Pool or flatten"),
        (np.array([[0, 1], [np.inf, 0], [0, 0]]), "1 of 3 rows, the first at row 1"),
        (np.zeros((3, 2), complex), "real numbers. Received dtype: complex128"),
        (np.array([["a", "b"]] * 3), "real numbers"),
        (np.array([[None, 1]] * 3), "real numbers"),
    ],
)
def test_feature_errors(features, message):
    with pytest.raises(ValueError, match=message):
        NeuralCollapse(3, 2).update(features, LABELS)


def test_classifier_errors():
    with pytest.raises(ValueError, match=r"kernel is \[d, K\]: pass its transpose"):
        check_classifier(np.zeros((2, 3)), None, 3, 2)
    with pytest.raises(ValueError, match=r"`bias` must have shape \(3,\)"):
        check_classifier(np.zeros((3, 2)), np.zeros((3, 1)), 3, 2)
    with pytest.raises(ValueError, match="`bias` must be finite"):
        check_classifier(np.zeros((3, 2)), np.array([0, np.nan, 0]), 3, 2)
    with pytest.raises(ValueError, match="`classifier` must be finite"):
        check_classifier(np.full((3, 2), np.inf), None, 3, 2)
    rows, bias = check_classifier(np.ones((3, 2), "float16"), None, 3, 2)
    assert rows.dtype == bias.dtype == np.float64 and not bias.any()
