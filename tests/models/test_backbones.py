"""Backbones that give tokens or several features, and those that take more than images."""

import keras
import numpy as np
import pytest

import keras_haframe as kh


def tokens() -> keras.Model:
    """Four patches of 6 x 6 images with a class token before them, `[B, 5, 8]`."""
    images = keras.Input((6, 6, 3), name="images")
    patches = keras.layers.Reshape((4, 8))(keras.layers.Conv2D(8, 3, strides=3)(images))
    whole = keras.layers.Dense(8)(keras.layers.GlobalAveragePooling2D()(images))
    first = keras.layers.Reshape((1, 8))(whole)
    return keras.Model(images, keras.layers.Concatenate(axis=1)([first, patches]))


def pyramid() -> keras.Model:
    images = keras.Input((6, 6, 3), name="images")
    fine = keras.layers.Conv2D(4, 3, name="fine")(images)
    return keras.Model(images, {"fine": fine, "coarse": keras.layers.Conv2D(8, 3)(fine)})


def with_place(inputs=dict) -> keras.Model:
    """Images and a place, two numbers."""
    images, place = keras.Input((6, 6, 3), name="images"), keras.Input((2,), name="place")
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(images))
    x = keras.layers.Concatenate()([x, keras.layers.Dense(3)(place)])
    both = {"images": images, "place": place} if inputs is dict else [images, place]
    return keras.Model(both, x)


@pytest.fixture
def data(tree):
    rng = np.random.default_rng(0)
    labels = np.arange(16) % tree.num_classes
    return rng.normal(size=(16, 6, 6, 3)).astype("float32"), labels


def features_before(model, x):
    """Output of the neck's pooling, type I without hidden units: the features themselves."""
    return keras.ops.convert_to_numpy(model.feature_extractor(x))


@pytest.mark.parametrize(
    ("pooling", "pooled"),
    [
        ("class_token", lambda t: t[:, 0]),
        ("average", lambda t: t.mean(1)),
        ("max", lambda t: t.max(1)),
    ],
)
def test_tokens_are_pooled_as_said(tree, data, pooling, pooled):
    net = tokens()
    made = kh.build(net, tree, "cross_entropy", network="I", hidden_units=None, pooling=pooling)
    wanted = pooled(keras.ops.convert_to_numpy(net(data[0])))
    np.testing.assert_allclose(features_before(made, data[0]), wanted, atol=1e-6)


@pytest.mark.parametrize("network", ["I", pytest.param("II", marks=pytest.mark.slow)])
def test_tokens_train_and_reload(tree, data, tmp_path, network):
    model = kh.build(tokens(), tree, network=network, hidden_units=8, pooling="class_token")
    model.fit(*data, epochs=1, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    scores = model.predict(data[0], verbose=0)
    np.testing.assert_array_equal(again.predict(data[0], verbose=0), scores)


def test_what_stands_for_the_image_must_be_said(tree):
    """A mean over a class token and patches would be taken for granted."""
    with pytest.raises(ValueError, match=r"returns tokens .*pooling='class_token'"):
        kh.build(tokens(), tree)
    with pytest.raises(ValueError, match=r"`pooling` must be one of \('average', 'max'\)"):
        kh.build(pyramid(), tree, feature="fine", pooling="class_token")


def test_one_of_several_features(tree, data, tmp_path):
    model = kh.build(pyramid(), tree, feature="fine")
    assert model.get_layer("pool").input.shape == (None, 4, 4, 4)
    assert kh.build(pyramid(), tree, feature="coarse").get_layer("pool").input.shape[-1] == 8
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    scores = model.predict(data[0], verbose=0)
    np.testing.assert_array_equal(again.predict(data[0], verbose=0), scores)
    for feature in (None, "middle"):
        with pytest.raises(ValueError, match=r"`feature` must name .*\['fine', 'coarse'\]"):
            kh.build(pyramid(), tree, feature=feature)
    with pytest.raises(ValueError, match="outputs: one tensor, without a name"):
        kh.build(tokens(), tree, feature="fine")


@pytest.mark.slow
@pytest.mark.parametrize("inputs", [dict, list])
def test_images_with_a_place(tree, data, tmp_path, inputs):
    images, labels = data
    place = np.random.default_rng(1).normal(size=(16, 2)).astype("float32")
    x = {"images": images, "place": place} if inputs is dict else [images, place]
    other = {"images": images, "place": -place} if inputs is dict else [images, -place]
    model = kh.build(with_place(inputs), tree)
    model.fit(x, labels, validation_data=(x, labels), epochs=1, verbose=0)
    scores = model.predict(x, verbose=0)
    assert scores.shape == (16, 4) and not np.allclose(scores, model.predict(other, verbose=0))
    assert model.features(x).shape == (16, 600)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), scores)
    place[3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        model.fit(x, labels, verbose=0)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="export is TensorFlow's")
def test_a_model_with_a_place_is_not_exported(tree, tmp_path):
    model = kh.build(with_place(), tree)
    with pytest.raises(ValueError, match=r"one input.*\['images', 'place'\]"):
        kh.export(model, tmp_path / "served")
