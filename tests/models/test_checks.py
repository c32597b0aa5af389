"""Bad input gets one clear error before training starts."""

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.models import checks


def tiny(**kwargs):
    return keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(4, 3, **kwargs)])


@pytest.fixture
def model(tree):
    return kh.build(tiny(), tree)


X = np.zeros((8, 4, 4, 3), "float32")
Y = np.arange(8) % 4

BAD_LABELS = [
    (Y + 1, "label 4.*subtract 1"),
    (Y - 1, "from 0 to 3"),
    (Y.astype("float32"), "integer class indices.*float32"),
    (np.array(list("abcdabcd")), "integer class indices"),
    (Y[:, None], r"\(8, 1\).*squeeze"),
    (np.eye(4)[Y], r"one-hot.*argmax"),
    (np.zeros((8, 3, 2), int), "one integer class index"),
]


@pytest.mark.parametrize("labels,message", BAD_LABELS)
def test_bad_labels_in_arrays(model, labels, message):
    with pytest.raises(ValueError, match=message):
        model.fit(X, labels, verbose=0)
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, validation_data=(X, labels), verbose=0)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.data needs TensorFlow")
@pytest.mark.parametrize("labels,message", BAD_LABELS)
def test_bad_labels_in_tf_data(model, labels, message):
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((X, labels)).batch(8)
    with pytest.raises(ValueError, match=message):
        model.fit(data, verbose=0)
    good = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
    with pytest.raises(ValueError, match=message):
        model.fit(good, validation_data=data, verbose=0)


def test_py_dataset_is_checked_by_its_first_batch(model):
    class Data(keras.utils.PyDataset):
        def __init__(self, labels):
            super().__init__()
            self.labels = labels

        def __len__(self):
            return 1

        def __getitem__(self, i):
            return X, self.labels

    model.fit(Data(Y), verbose=0)
    with pytest.raises(ValueError, match="label 4"):
        model.fit(Data(Y + 1), verbose=0)


def test_images_without_labels(model):
    class Data(keras.utils.PyDataset):
        def __len__(self):
            return 1

        def __getitem__(self, i):
            return X

    with pytest.raises(ValueError, match=r"\(images, integer labels\)"):
        model.fit(Data(), verbose=0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_images(model, value):
    x = X.copy()
    x[3, 1, 1, 0] = value
    with pytest.raises(ValueError, match="NaN or infinite"):
        model.fit(x, Y, verbose=0)


def test_backbone_with_a_top(tree):
    with pytest.raises(ValueError, match="include_top=False"):
        kh.build(keras.applications.MobileNetV3Small(weights=None, input_shape=(32, 32, 3)), tree)
    with pytest.raises(ValueError, match="classification top"):
        net = keras.Sequential([tiny(), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
        kh.build(net, tree)


def test_backbone_of_the_wrong_kind(tree):
    with pytest.raises(ValueError, match=r"Received: str"):
        kh.build("MobileNetV2", tree)
    images = keras.Input((4,))
    features = keras.layers.Dense(2)(images)
    with pytest.raises(ValueError, match=r"must return one tensor.*Received: list"):
        kh.build(keras.Model(images, [features, features]), tree)
    cubes = keras.Sequential([keras.Input((4, 3, 3, 3)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"must return one tensor.*\(None, 4, 3, 3, 2\)"):
        kh.build(cubes, tree)


BAD_OPTIONS = [
    ({"method": "haframes"}, "Unknown method 'haframes'.*cross_entropy.*haframe"),
    ({"gama": 1.0}, "Unknown option 'gama'.*gamma"),
    ({"gamma": 0.0}, "`gamma` must be positive"),
    ({"gamma": -1.0}, "Received: gamma=-1"),
    ({"gamma": "big"}, "`gamma` must be positive and finite. Received: gamma='big'"),
    ({"alpha": -0.1}, r"`alpha` must be a number in \[0, inf\)"),
    ({"alpha": float("inf")}, r"\[0, inf\)"),
    ({"alpha": "cosine"}, "`alpha` must be a number"),
    ({"min_similarity": -2.0}, "at least -.*exact bound"),
    ({"network": "III"}, "`network` must be 'I' or 'II'"),
    ({"pooling": "median"}, "`pooling` must be one of"),
]


@pytest.mark.parametrize("options,message", BAD_OPTIONS)
def test_bad_options(tree, options, message):
    with pytest.raises(ValueError, match=message):
        kh.build(tiny(), tree, **options)


def test_bad_tree():
    with pytest.raises(ValueError, match=r"must be a keras_haframe\.ClassTree"):
        kh.build(tiny(), {"land": ["car"]})


def test_check_data_leaves_generators_alone():
    def batches():
        yield X, Y

    generator = batches()
    checks.check_data(generator, None, 4)
    assert next(generator)[1] is Y
