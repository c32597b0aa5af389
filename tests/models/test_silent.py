"""Mistakes around `fit` that would go on in silence: told before the first step."""

import re
import warnings

import keras
import numpy as np
import pytest

import keras_haframe as kh
from tests.saving import tiny

IMAGES, LABELS = tiny.images(12), np.arange(12) % 4
ON_TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf.data needs TensorFlow"
)


@pytest.fixture
def model(tree):
    return tiny.model(tree, "cross_entropy")


@pytest.mark.parametrize(
    "loss",
    [
        "sparse_categorical_crossentropy",
        keras.losses.sparse_categorical_crossentropy,
        keras.losses.SparseCategoricalCrossentropy(),
        {"logits": keras.losses.SparseCategoricalCrossentropy()},
    ],
)
def test_losses_that_want_probabilities(model, loss):
    model.compile(loss=loss)
    for call in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match="`loss` must take class scores.*from_logits=True"):
            call(IMAGES, LABELS, verbose=0)


def test_a_loss_of_keras_on_logits_is_the_methods_own(model):
    own = model.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)["loss"]
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert model.evaluate(IMAGES, LABELS, verbose=0)[0] == pytest.approx(own, abs=1e-5)


# Names -----------------------------------------------------------------------------------------


class Named(kh.data.ArrayBatches):
    class_names = ["car", "glider", "jet", "truck"]


def test_class_names_in_another_order(model, tree):
    data = Named(IMAGES, LABELS, 4)
    good = kh.data.ArrayBatches(IMAGES, LABELS, 4)
    message = "'car', 'glider', 'jet', 'truck'; the tree has .*order is not.*reorder"
    with pytest.raises(ValueError, match="of the training data must.*" + message):
        model.fit(data, verbose=0)
    with pytest.raises(ValueError, match="of the validation data must.*" + message):
        model.fit(good, validation_data=data, verbose=0)
    with pytest.raises(ValueError, match=message):
        model.evaluate(data, verbose=0)
    data.class_names = tree.leaves
    model.fit(data, verbose=0)


@ON_TENSORFLOW
def test_nested_folders_as_keras_reads_them(model, tmp_path):
    for path in ("land/car", "land/truck", "air/jet", "air/glider"):
        (tmp_path / path).mkdir(parents=True)
        keras.utils.save_img(tmp_path / path / "0.png", IMAGES[0])
    data = keras.utils.image_dataset_from_directory(tmp_path, image_size=(16, 16), verbose=False)
    with pytest.raises(ValueError, match="'air', 'land'; the tree has.*data.image_folder"):
        model.fit(data, verbose=0)


# Labels ----------------------------------------------------------------------------------------


def test_classes_without_an_example_are_named_once(model):
    with pytest.warns(UserWarning, match="1 of 4 classes have no example .*: 'jet'") as found:
        model.fit(IMAGES, np.array([0, 1, 3] * 4), verbose=0)
    assert len([w for w in found if "no example" in str(w.message)]) == 1
    with pytest.warns(UserWarning, match="2 of 4.* labels 0 to 1 occur, as many .* at depth 1"):
        model.fit(IMAGES, LABELS // 2, verbose=0)
    with pytest.warns(UserWarning, match="'truck', 'glider'"):
        model.fit(kh.data.ArrayBatches(IMAGES, LABELS // 2 * 2, 4), verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.fit(IMAGES, LABELS, verbose=0)


def streams(labels):
    """Three batches of four in every form that `fit` takes."""

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return IMAGES[4 * i : 4 * i + 4], labels[4 * i : 4 * i + 4]

    plain = Batches(workers=1)
    yield "a PyDataset", plain, {}
    yield "a generator", (plain[i] for i in range(3)), {"steps_per_epoch": 3}
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        yield "tf.data", tf.data.Dataset.from_tensor_slices((IMAGES, labels)).batch(4), {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "method,bad", [("soft_labels", -1), ("hierarchical_cross_entropy", -1), ("cross_entropy", 4)]
)
def test_labels_out_of_range_after_the_first_batch(tree, bad, method):
    labels = LABELS.copy()
    labels[9] = bad
    for _, data, options in streams(labels):
        with pytest.raises(Exception, match="Labels must be from 0 to 3") as error:
            tiny.model(tree, method).fit(data, verbose=0, **options)
        assert re.search(rf"Received.*{bad}", str(error.value))


@pytest.mark.slow
def test_evaluate_and_validation_check_every_batch(tree, model):
    labels = LABELS.copy()
    labels[9] = 4
    for _, data, options in streams(labels):
        steps = {"steps": 3} if options else {}
        with pytest.raises(Exception, match="Labels must be from 0 to 3.*in the data"):
            tiny.model(tree).evaluate(data, verbose=0, **steps)  # anew: JAX loses it in an error
    for _, data, options in streams(labels):
        steps = {"validation_steps": 3} if options else {}
        with pytest.raises(Exception, match="Labels must be from 0 to 3.*in the validation data"):
            tiny.model(tree).fit(IMAGES, LABELS, validation_data=data, verbose=0, **steps)
    with pytest.raises(ValueError, match="Received label 4 in the data"):
        model.evaluate(IMAGES, labels, verbose=0)


@pytest.mark.slow
def test_checked_batches_train_as_unchecked_ones(tree):
    """Order and epochs of `ArrayBatches` are kept; so are the weights, to the last bit."""
    ends = []
    for fit in (kh.HierarchicalClassifier.fit, keras.Model.fit):
        data, model = kh.data.ArrayBatches(IMAGES, LABELS, 4, seed=3), tiny.model(tree)
        fit(model, data, epochs=2, shuffle=False, verbose=0)
        ends.append([data.epoch, *model.get_weights()])
    for one, other in zip(*ends):
        np.testing.assert_array_equal(one, other)


def test_nan_past_the_first_images(model):
    images = np.zeros((600, 16, 16, 3), "float32")
    images[599, 3, 3, 1] = np.nan
    labels = np.arange(600) % 4
    for call in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match="NaN or infinite .* first in example 599"):
            call(images, labels, verbose=0)
    images[599] = 0
    images[:, 0] = 3e38  # a sum that overflows is none
    kh.models.checks.check_images(images)


# Callbacks -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_monitors_of_what_is_not_measured(model):
    stop = keras.callbacks.EarlyStopping(monitor="val_mistake_severity", mode="min")
    with pytest.warns(UserWarning, match="'val_mistake_severity'.*Choose one of.*'val_severity'"):
        model.fit(IMAGES, LABELS, validation_data=(IMAGES, LABELS), callbacks=[stop], verbose=0)
    with pytest.warns(UserWarning, match="names with 'val_' need `validation_data`"):
        stop = keras.callbacks.EarlyStopping(monitor="val_severity")  # by itself the less
        model.fit(IMAGES, LABELS, callbacks=stop, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        stop = keras.callbacks.EarlyStopping(monitor="val_severity")
        for _ in range(2):
            model.fit(IMAGES, LABELS, validation_data=(IMAGES, LABELS), callbacks=[stop], verbose=0)
            model.compile("sgd")  # keeps the metrics
    assert stop.monitor_op(1.0, 2.0) and not stop.monitor_op(2.0, 1.0)
