"""What goes into `fit` and what the served model does are one thing, or it is told."""

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.data import Preprocessing
from tests.brute_force import softmax
from tests.saving import tiny
from tests.saving.pictures import encode, rgb

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="SavedModels are written on TensorFlow"
)
SIGNED = Preprocessing((16, 16), input_range=(-1.0, 1.0))
PICTURES = np.stack([rgb(20, 30, seed=i) for i in range(12)])
LABELS = np.arange(12) % 4


def trained(tree, images, **options):
    model = tiny.model(tree, **options)
    model.fit(images, LABELS, batch_size=4, verbose=0)
    return model


def served(path, name="serving_bytes", **inputs):
    import tensorflow as tf

    return tf.saved_model.load(str(path)).signatures[name](**inputs)


@pytest.mark.slow
def test_one_object_serves_what_was_trained_without_a_second_word(tree, tmp_path, recwarn):
    model = trained(tree, SIGNED(PICTURES), preprocessing=SIGNED)
    model.save(tmp_path / "m.keras")
    for each in (model, keras.models.load_model(tmp_path / "m.keras")):
        assert each.preprocessing == SIGNED
        path = kh.export(each, tmp_path / "serving")
        found = served(path, image_bytes=[encode(p) for p in PICTURES])
        scores = model.predict(model.preprocessing(PICTURES), verbose=0)
        np.testing.assert_allclose(found["probabilities"], softmax(scores), atol=1e-5)
        np.testing.assert_array_equal(found["class_id"], scores.argmax(1))
    assert not [w for w in recwarn if "preprocessing" in str(w.message)]


@pytest.mark.slow
def test_prepared_by_hand_and_exported_without_a_word_is_an_error(tree, tmp_path):
    model = trained(tree, SIGNED(PICTURES))
    model.save(tmp_path / "m.keras")
    for each in (model, keras.models.load_model(tmp_path / "m.keras")):
        with pytest.raises(ValueError, match=r"values from -0.9.* become 0 and 255 in the served"):
            kh.export(each, tmp_path / "serving")
    assert not [p for p in (tmp_path / "serving").iterdir() if p.is_dir()]
    with pytest.raises(ValueError, match=r"Preprocessing\(input_range=\(-1, 1\)\)"):
        kh.export(model, tmp_path / "serving")
    kh.export(model, tmp_path / "serving", preprocessing=Preprocessing(input_range=(-1, 1)))


@pytest.mark.slow
def test_no_complaint_where_both_agree(tree, tmp_path, recwarn):
    kh.export(tiny.model(tree), tmp_path / "never_trained")
    kh.export(trained(tree, tiny.images(12)), tmp_path / "bytes")
    assert not [w for w in recwarn if "fit" in str(w.message)]


@pytest.mark.slow
def test_what_export_is_given_wins_with_a_warning(tree, tmp_path):
    model = trained(tree, SIGNED(PICTURES), preprocessing=SIGNED)
    wrong = Preprocessing(input_range=(0.0, 255.0))
    with pytest.warns(UserWarning, match="`fit` saw images with values from -0.9"):
        with pytest.warns(UserWarning, match="not that of the model"):
            path = kh.export(model, tmp_path / "m", preprocessing=wrong)
    found = served(path, image_bytes=[encode(PICTURES[0])])["probabilities"]
    wanted = model.predict(np.asarray(Preprocessing((16, 16))(PICTURES[:1])), verbose=0)
    np.testing.assert_allclose(found, softmax(wanted), atol=1e-5)


@pytest.mark.slow
def test_an_augmentation_and_a_size_left_open_are_no_difference(tree, tmp_path, recwarn):
    from keras_haframe.data import Augmentation

    model = trained(tree, SIGNED(PICTURES), preprocessing=SIGNED)
    same = Preprocessing(input_range=(-1.0, 1.0), augmentation=Augmentation("pad_and_crop"))
    kh.export(model, tmp_path / "m", preprocessing=same)
    assert not [w for w in recwarn if "not that of the model" in str(w.message)]


SHAPE = (16, 16, 3)
CALLS = [0]


def resized(image):
    import tensorflow as tf

    return tf.image.resize(image, SHAPE[:2])


def wrong_functions() -> dict:
    """Name to (a function that is no preparation, what is said)."""
    import tensorflow as tf

    def counts(image):
        CALLS[0] += 1
        return resized(image) + float(CALLS[0])

    variable, rng = tf.Variable(1.0), np.random.default_rng(0)
    return {
        "resize forgotten": (lambda x: tf.cast(x, tf.float32), r"Received: float32 \(35, 53, 3\)"),
        "other size": (lambda x: tf.image.resize(x, (8, 8)), r"Received: float32 \(8, 8, 3\)"),
        "one channel": (lambda x: tf.image.rgb_to_grayscale(resized(x)), r"\(16, 16, 1\)"),
        "batch": (lambda x: resized(x)[None], r"\(1, 16, 16, 3\)"),
        "text": (lambda x: tf.as_string(resized(x)), "must return numbers"),
        "nothing": (lambda x: None, "must return numbers"),
        "NaN": (lambda x: resized(x) / 0.0, "must return finite numbers"),
        "one size": (lambda x: resized(tf.reshape(x, (35, 53, 3))), "failed: .* any size"),
        "needs values": (lambda x: tf.constant(resized(x).numpy()), "run in a TensorFlow graph"),
        "needs a size": (lambda x: resized(x) if x.shape[0] > 9 else x, "in a TensorFlow graph"),
        "random": (lambda x: tf.image.random_flip_left_right(resized(x)), "same again"),
        "random in Python": (lambda x: resized(x) + rng.uniform(), "same again"),
        "counts": (counts, "same again.*nor count"),
        "Python": (
            lambda x: tf.ensure_shape(tf.py_function(resized, [x], tf.float32), SHAPE),
            "a server has no Python",
        ),
        "variable": (lambda x: resized(x) * variable, "no tf.Variable"),
        "no object": (Preprocessing, "must return numbers"),
        "NaN of ours": (Preprocessing(mean=(np.nan,) * 3), "must return finite numbers"),
    }


@pytest.mark.slow
def test_what_does_not_prepare_is_refused_before_anything_is_written(tree, tmp_path):
    model = tiny.model(tree)
    for name, (function, message) in wrong_functions().items():
        with pytest.raises(ValueError, match=message):
            kh.export(model, tmp_path / "m", preprocessing=function)
            pytest.fail(name)
    assert not [p for p in (tmp_path / "m").iterdir() if p.is_dir()]
    gray = kh.build(keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Flatten()]), tree)
    with pytest.raises(ValueError, match=r"must return numbers \(16, 16, 1\)"):
        kh.export(gray, tmp_path / "m", preprocessing=Preprocessing(mean=(1.0, 2.0, 3.0)))
    with pytest.raises(ValueError, match=r"width, 3\]. Received: uint8 \(1, 8, 8, 1\)"):
        kh.export(model, tmp_path / "m", warmup_images=np.zeros((1, 8, 8, 1), np.uint8))


@pytest.mark.parametrize("dtype", ["float64", "float16", "int32", "uint8"])
def test_other_types_of_numbers_are_fine(dtype):
    import tensorflow as tf

    from keras_haframe.saving import trial

    trial.check(lambda x: tf.cast(resized(x), dtype), SHAPE)
    trial.check(keras.layers.Resizing(16, 16), SHAPE)


@pytest.mark.slow
def test_small_pictures_and_another_range_are_warned_of(tree, tmp_path):
    import tensorflow as tf

    from keras_haframe.saving import trial

    with pytest.warns(UserWarning, match=r"fails for pictures as small as \(8, 8, 3\)"):
        trial.check(lambda x: tf.cast(x[:16, :16], tf.float32), SHAPE)
    model = trained(tree, SIGNED(PICTURES))
    with pytest.warns(UserWarning, match="become 0 and 1 in the served model"):
        kh.export(model, tmp_path / "m", preprocessing=lambda x: resized(x) / 255.0)


@pytest.mark.slow
def test_inputs_that_are_no_images_are_exempt(tree, tmp_path):
    model = kh.build(keras.Sequential([keras.Input((5,)), keras.layers.Dense(6)]), tree)
    model.fit(np.random.default_rng(0).normal(size=(12, 5)), LABELS, verbose=0)
    assert model.trained_range is None
    kh.export(model, tmp_path / "m")
