"""Type II networks of many classes: how wide, how many parameters, what a file says of it."""

import json

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.frames.choice import bottleneck_width, neck_parameters
from tests.networks import backbone, data
from tests.trees import regular, wide


def features_of(width):
    """A backbone without parameters that returns its input."""
    x = keras.Input((width,))
    return keras.Model(x, keras.layers.Identity()(x), name="features")


@pytest.fixture(scope="module")
def ten_thousand():
    return regular(10, 4)


@pytest.mark.parametrize("method", ["haframe", "haframe_dr", "ntce", "etf_dr", "hier_cos"])
@pytest.mark.parametrize("channels, width", [(256, 128), (2048, 256)])
def test_parameters_of_ten_thousand_classes(ten_thousand, method, channels, width):
    """At most those of cross-entropy, whatever the head needs, counting what is not trained."""
    linear = (channels + 1) * 10_000
    model = kh.build(features_of(channels), ten_thousand, method)
    assert model.get_config()["resolved"]["bottleneck"] == width
    assert model.count_params() <= linear
    units = model.method.units
    assert neck_parameters(channels, width, units) <= linear
    if method != "etf_dr":  # whose head has a normalization
        assert model.count_params() == neck_parameters(channels, width, units)


def test_low_rank_network(ten_thousand):
    model = kh.build(features_of(2048), ten_thousand, frame="low_rank")
    assert model.get_config()["resolved"] == {"bottleneck": 256, "frame": "low_rank"}
    assert model.count_params() == neck_parameters(2048, 256, None) < 2048 * 10_000 // 16
    assert not model.get_layer("classifier").variables
    assert model.loss.target.weights[-1] == pytest.approx(0, abs=1e-12)


def test_the_rule():
    assert bottleneck_width(2048, 1010, 1010) is None
    assert bottleneck_width(256, 100_000, None) == 256
    assert bottleneck_width(64, 3_000_000, None) == 64
    for channels, classes in ((3, 1011), (96, 1500), (2048, 1011), (768, 20_000)):
        width = bottleneck_width(channels, classes, classes)
        assert width <= channels
        assert neck_parameters(channels, width, classes) <= (channels + 1) * classes


def test_few_classes_are_as_ever(tree):
    model = kh.build(backbone(), tree)
    assert model.get_config()["resolved"] == {"bottleneck": None, "frame": "dense"}
    assert (model.get_config()["network"], model.get_config()["hidden_units"]) == ("I", 600)
    model = kh.build(backbone(), tree, network="II")
    assert model.get_config()["resolved"] == {"bottleneck": None, "frame": "dense"}
    assert model.get_layer("transformation").units == 4


@pytest.mark.parametrize("method", kh.methods.names())
def test_all_methods_have_one_network(method, uneven_tree):
    """So that a baseline is a baseline; only its width may follow the head."""
    few = kh.build(features_of(8), uneven_tree, method).feature_extractor
    base = kh.build(features_of(8), uneven_tree, "cross_entropy").feature_extractor
    assert [v.shape for v in few.variables][:6] == [v.shape for v in base.variables][:6]
    many = kh.build(features_of(64), wide(60, 20), method).get_config()
    assert many["network"] == "II"


def test_width_of_type_one():
    """600, or what the head needs; the number is in the file."""
    tree = wide(80, 10)
    for method, width in (("haframe", 800), ("hier_cos", 880), ("cross_entropy", 600)):
        model = kh.build(features_of(8), tree, method)
        assert model.get_config()["hidden_units"] == width, method
        assert model.features(np.ones((2, 8))).shape == (2, width)
    with pytest.raises(ValueError, match="800"):
        kh.build(features_of(8), tree, hidden_units=600)


def test_methods_with_a_linear_head_are_as_wide_as_the_bottleneck():
    model = kh.build(features_of(64), wide(60, 20), "cross_entropy", network="II")
    width = model.get_config()["resolved"]["bottleneck"]
    assert model.features(np.ones((2, 64))).shape == (2, width)
    assert {tuple(v.shape) for v in model.variables} & {(1200, 1200)} == set()


SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("dense", "low_rank", "best_rank")]


@pytest.mark.parametrize("frame", ["structured", *SLOW])
def test_fit_save_and_load(uneven_tree, frame, tmp_path):
    model = kh.build(backbone(), uneven_tree, frame=frame, bottleneck=5, seed=2)
    model.run_eagerly = True
    images, labels = data(uneven_tree, 3)
    model.fit(images, labels, batch_size=7, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    said = [{**m.get_config(), "backbone": None} for m in (again, model)]
    assert said[0] == said[1] and said[0]["resolved"] == {"bottleneck": 5, "frame": frame}
    assert again.loss.target.s_min == model.loss.target.s_min
    again.run_eagerly = True
    np.testing.assert_array_equal(
        again.predict(images, verbose=0), model.predict(images, verbose=0)
    )
    wide = frame in ("dense", "structured")
    assert model.features(images).shape[1] == (7 if wide else 5)


def test_summary_and_repr_say_what_was_taken(tree):
    lines = []
    model = kh.build(backbone(), tree, frame="low_rank", bottleneck=5, name="mine")
    model.summary(print_fn=lambda text, **kwargs: lines.append(text))
    assert lines[-1].strip() == "Network: network II, bottleneck 5, low_rank frame"
    assert "haframe, network II, bottleneck 5, low_rank frame, backbone 'tiny'" in repr(model)
    config = json.loads(json.dumps(model.get_config()))
    assert (config["frame"], config["bottleneck"], config["min_similarity"]) == (
        "low_rank", 5, "grid",
    )  # fmt: skip


@pytest.mark.parametrize("structured", [True, False])
def test_models_from_before(tree, structured):
    config = kh.build(backbone(), tree, gamma=2.0).get_config()
    for name in ("frame", "bottleneck", "resolved"):
        del config[name]
    model = kh.HierarchicalClassifier.from_config({**config, "structured": structured})
    kind = "structured" if structured else "dense"
    assert model.get_config()["frame"] == kind and model.get_config()["bottleneck"] is None
    assert model.get_config()["resolved"] == {"bottleneck": None, "frame": kind}


def test_type_one_files_from_before_with_options_of_type_two(tree):
    """They were ignored, now they are refused; the model is the same."""
    config = kh.build(backbone(), tree, "cross_entropy").get_config()
    old = {**config, "hidden_units": 600, "bottleneck": 8, "input_momentum": 0.999}
    assert kh.HierarchicalClassifier.from_config(old).get_config()["bottleneck"] is None


@pytest.mark.parametrize("value", [0, 2.5, "wide", True])
def test_bad_bottleneck(tree, value):
    with pytest.raises(ValueError, match="`bottleneck` must be"):
        kh.build(backbone(), tree, bottleneck=value)
    with pytest.raises(ValueError, match="`frame` must be one of"):
        kh.build(backbone(), tree, frame=value)
