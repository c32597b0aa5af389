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


@pytest.mark.slow
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
    ({"network": "III"}, "`network` must be one of"),
    ({"pooling": "median"}, "`pooling` must be one of"),
    ({"hidden_units": "wide"}, "`hidden_units` must be .*auto.*positive integer"),
    ({"network": "I", "bottleneck": 8}, r"`bottleneck` is an option of type II.*bottleneck=8.*II"),
    ({"reduce_init": "normal"}, r"`reduce_init` is an option of type II networks"),
    ({"input_momentum": 0.999}, r"`input_momentum` is an option of type II networks"),
]


@pytest.mark.parametrize("options,message", BAD_OPTIONS)
def test_bad_options(tree, options, message):
    with pytest.raises(ValueError, match=message):
        kh.build(tiny(), tree, **options)


def test_bad_tree():
    with pytest.raises(ValueError, match=r"must be a keras_haframe\.ClassTree"):
        kh.build(tiny(), {"land": ["car"]})


def test_first_inputs_leave_generators_alone():
    def batches():
        yield X, Y

    generator = batches()
    assert checks.first_inputs(generator, None, "the data") is None
    assert next(generator)[1] is Y


# What goes in ----------------------------------------------------------------------------------


def streams(x, y, w):
    """Two batches of half the examples in every form that `fit` takes; the second may be bad."""
    cuts = [slice(0, len(X) // 2), slice(len(X) // 2, None)]
    batches = [(x[c], y[c], w[c]) for c in cuts]

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, i):
            return batches[i]

    yield Batches(), {}
    yield (batch for batch in batches), {"steps": 2}
    torch = pytest.importorskip("torch")

    def collate(batch):
        return tuple(map(torch.as_tensor, batch))

    yield torch.utils.data.DataLoader(batches, batch_size=None, collate_fn=collate), {}
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        yield tf.data.Dataset.from_tensor_slices((x, y, w)).batch(len(X) // 2), {}


@pytest.mark.parametrize(
    ("wrong", "value", "message"),
    [
        ("y", -1, "Labels must be from 0 to 3"), ("y", 4, "Labels must be from 0 to 3"),
        ("w", np.nan, "Sample weights must be finite"), ("w", -1.0, "Sample weights must be"),
    ],
)  # fmt: skip
def test_every_batch_of_every_stream_is_checked(model, wrong, value, message):
    given = {"x": X, "y": Y.astype("int32"), "w": np.ones(len(X), "float32")}
    given[wrong] = given[wrong].copy()
    given[wrong][-1] = value
    for data, steps in streams(**given):
        with pytest.raises(ValueError, match=message):
            model.evaluate(data, verbose=0, **steps)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X[0], r"must have shape \[batch.*Is this one example\? Give a batch"),
        (X[..., :1], "Received shape"),
        (np.moveaxis(X, -1, 1), "Channels come last"),
        (X.astype(str), "real numbers in x. Received dtype: str"),
        (X[:0], "At least 1 example"),
        ([X, X], "must be 1 arrays"),
        ({"other": X}, r"must be named .* Received: \['other'\]"),
        ("photos", "Received: str"),
    ],
)
def test_inputs_are_checked_before_keras_sees_them(model, x, message):
    """After two shapes Keras traces its step for any, and images of other sizes went through."""
    for call in (model.predict, model.predict_on_batch, model.decide, model.features):
        with pytest.raises(ValueError, match=message):
            call(x)
    for call in (model.evaluate, model.test_on_batch, model.train_on_batch):
        with pytest.raises(ValueError, match=message.replace("in x", "in the [a-z]*")):
            call(x, Y)


def test_batches_and_lists(model):
    on_batch = model.test_on_batch(X, Y.tolist(), np.ones((len(X), 1)), return_dict=True)
    whole = model.evaluate(X, Y.tolist(), verbose=0, batch_size=len(X), return_dict=True)
    assert on_batch["loss"] == pytest.approx(whole["loss"], rel=1e-5)
    with pytest.raises(ValueError, match="Labels must be from 0 to 3.* in the batch"):
        model.train_on_batch(X, Y - 1)
    with pytest.raises(ValueError, match="`batch_size` must be a positive integer"):
        model.predict(X, batch_size=0)
    with pytest.raises(ValueError, match="dictionary by class index"):
        model.fit(X, Y, class_weight={"car": 1.0}, verbose=0)
    with pytest.raises(ValueError, match="Inputs contain NaN"):
        model.predict_classes(np.full_like(X, np.nan), verbose=0)
