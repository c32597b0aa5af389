"""Fixed classifiers: frozen weights, extreme inputs, errors, saving."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe import frames
from keras_haframe.data import cifar100
from keras_haframe.layers import ETFClassifier, FixedClassifier, FrameClassifier
from keras_haframe.tree import ClassTree
from tests.gradients import BACKEND, DTYPE, assert_close
from tests.layers.fixed import classifiers, rows

# Frozen weights ------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda t: FrameClassifier(t, 1.0), lambda t: ETFClassifier(4)])
def test_vectors_are_frozen(tree, make):
    layer = make(tree)
    layer.build((None, 4))
    assert layer.trainable_variables == []
    assert [tuple(v.shape) for v in layer.non_trainable_variables] == [(4, 4)]


@pytest.mark.parametrize("trainable", [True, False])
def test_nothing_thaws_them(tree, trainable):
    layer = FrameClassifier(tree, 1.0, trainable=trainable)
    layer.build((None, 4))
    layer.trainable = True
    assert layer.trainable_variables == []


def test_structured_holds_no_weights(tree):
    layer = FrameClassifier(tree, 1.0, frame="structured")
    layer.build((None, 4))
    assert layer.variables == []


def test_training_leaves_them_alone(tree):
    inputs = keras.Input((6,))
    hidden = keras.layers.Dense(4)(inputs)
    layer = FrameClassifier(tree, 1.0)
    model = keras.Model(inputs, layer(hidden)["logits"])
    before = ops.convert_to_numpy(layer.kernel)
    weights = ops.convert_to_numpy(model.layers[1].kernel)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1, weight_decay=0.1), loss, jit_compile=False)
    rng = np.random.default_rng(6)
    model.fit(rng.normal(size=(16, 6)), rng.integers(0, 4, 16), epochs=2, verbose=0)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.kernel), before)
    assert np.abs(ops.convert_to_numpy(model.layers[1].kernel) - weights).max() > 1e-3
    assert len(model.trainable_variables) == 2


# Extreme inputs ------------------------------------------------------------------------------


@pytest.mark.parametrize("which", range(6))
@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e4, 1e15])
def test_scale_of_features(uneven_tree, which, scale):
    """Cosines do not depend on the length of the features until it vanishes."""
    layer = classifiers(uneven_tree)[which]
    x = np.random.default_rng(7).normal(size=(3, 7)).astype(DTYPE)
    outputs = layer(x * np.array(scale, DTYPE))
    assert np.isfinite(ops.convert_to_numpy(outputs["logits"])).all()
    expected = ops.convert_to_numpy(layer(x)["cosines"])
    assert_close(outputs["cosines"], expected if scale > 1e-8 else 0 * expected, 1e-4)


@pytest.mark.parametrize("which", range(6))
@pytest.mark.parametrize("batch", [0, 1])
def test_small_batches(uneven_tree, which, batch):
    layer = classifiers(uneven_tree)[which]
    outputs = layer(np.ones((batch, 7), DTYPE))
    assert tuple(outputs["logits"].shape) == tuple(outputs["cosines"].shape) == (batch, 7)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
@pytest.mark.parametrize("frame", ["dense", "structured"])
def test_half_precision_policies_do_not_reach_it(uneven_tree, policy, frame):
    """Scores are float32 whatever the policy; only the rounding of the features remains."""
    exact = FrameClassifier(uneven_tree, 1.0, frame=frame, dtype="float32")
    keras.config.set_dtype_policy(policy)
    layer = FrameClassifier(uneven_tree, 1.0, frame=frame)
    half = policy.removeprefix("mixed_")
    x = ops.cast(np.random.default_rng(8).normal(size=(3, 7)), half)
    outputs, expected = layer(x), exact(ops.cast(x, "float32"))
    for key in ("logits", "cosines"):
        assert keras.backend.standardize_dtype(outputs[key].dtype) == "float32"
        np.testing.assert_allclose(
            ops.convert_to_numpy(outputs[key]),
            ops.convert_to_numpy(expected[key]),
            rtol=1e-6,
            atol=1e-6,
        )


@pytest.mark.skipif(BACKEND != "tensorflow", reason="Keras has no float64 on JAX and PyTorch")
def test_own_dtype(tree):
    for frame in ("dense", "structured"):
        outputs = FrameClassifier(tree, 1.0, frame=frame, dtype="float64")(np.eye(4))
        assert {keras.backend.standardize_dtype(v.dtype) for v in outputs.values()} == {"float64"}


def test_five_thousand_classes():
    """The structured layer works where a dense frame would need 25 million weights."""
    edges = [("root", f"g{i}") for i in range(50)]
    edges += [(f"g{i % 50}", f"c{i}") for i in range(5000)]
    tree = ClassTree(edges, [f"c{i}" for i in range(5000)])
    layer = FrameClassifier(tree, 2.0, frame="structured")
    x = np.random.default_rng(9).normal(size=(2, 5000))
    assert_close(
        layer(x.astype("float32"))["logits"], frames.TreeFrame(tree, 2.0, "grid").matvec(x), 1e-4
    )
    assert layer.variables == []


# Errors --------------------------------------------------------------------------------------


def test_too_few_dimensions(tree):
    with pytest.raises(ValueError, match="`dim` must be an integer of at least 4"):
        FrameClassifier(tree, 1.0)(np.ones((2, 3), "float32"))
    with pytest.raises(ValueError, match="`dim` must be an integer of at least 3"):
        ETFClassifier(4)(np.ones((2, 2), "float32"))


def test_structured_needs_one_dimension_per_class(tree):
    with pytest.raises(ValueError, match=r"needs features of 4 dimensions.*\(2, 3\).*network='II'"):
        FrameClassifier(tree, 1.0, frame="structured")(np.ones((2, 3), "float32"))


@pytest.mark.parametrize("gamma", [0, -1.0, float("nan"), float("inf"), "1"])
def test_bad_gamma(tree, gamma):
    with pytest.raises(ValueError, match="`gamma` must be"):
        FrameClassifier(tree, gamma)


@pytest.mark.parametrize("value", [-1.5, 1.0, float("nan"), "best"])
def test_bad_min_similarity(tree, value):
    with pytest.raises(ValueError, match="must be"):
        FrameClassifier(tree, 1.0, min_similarity=value)


def test_bad_tree_and_convention(tree):
    with pytest.raises(ValueError, match="`tree` must be a keras_haframe"):
        FrameClassifier(10, 1.0)
    with pytest.raises(ValueError, match="`convention` must be one of"):
        FrameClassifier(tree, 1.0, convention="height")


@pytest.mark.parametrize("classes", [1, 0, -2])
def test_etf_needs_two_classes(classes):
    with pytest.raises(ValueError, match=f"`num_classes` must be at least 2. Received: {classes}"):
        ETFClassifier(classes)


def test_base_class_has_no_frame():
    with pytest.raises(NotImplementedError):
        FixedClassifier(3).build((None, 3))


# Contract ------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", ["dense", "structured"])
def test_symbolic_shapes(tree, frame):
    outputs = FrameClassifier(tree, 1.0, frame=frame)(keras.Input((4,)))
    assert {k: v.shape for k, v in outputs.items()} == {"logits": (None, 4), "cosines": (None, 4)}
    assert FrameClassifier(tree, 1.0).compute_output_shape((8, 9))["cosines"] == (8, 4)


def variants(tree):
    return [
        FrameClassifier(tree, 2.0, min_similarity="exact", seed=5, name="head"),
        FrameClassifier(tree, 1.0, min_similarity=0.1, frame="structured", convention="subtree"),
        FrameClassifier(tree, 1.0, dtype="float64"),
        ETFClassifier(7, seed=3),
        FrameClassifier(tree, 2.0, frame="low_rank", seed=4),
        FrameClassifier(tree, 2.0, min_similarity="exact", frame="best_rank", seed=4),
    ]


@pytest.mark.parametrize("which", range(6))
def test_config_round_trip(uneven_tree, which):
    layer = variants(uneven_tree)[which]
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
    assert again.compute_dtype == layer.compute_dtype
    np.testing.assert_array_equal(rows(again, 7), rows(layer, 7))


def test_config_holds_the_recipe_only():
    tree = cifar100.class_tree()
    config = FrameClassifier(tree, 2.0).get_config()
    assert len(json.dumps(config)) < len(json.dumps(tree.get_config())) + 1000


@pytest.mark.parametrize("which", range(6))
def test_saved_model_loads_in_safe_mode(uneven_tree, which, tmp_path):
    inputs = keras.Input((7,))
    model = keras.Model(inputs, variants(uneven_tree)[which](keras.layers.Dense(7)(inputs)))
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    x = np.random.default_rng(10).normal(size=(3, 7)).astype("float32")
    for key in ("logits", "cosines"):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(again(x)[key]), ops.convert_to_numpy(model(x)[key])
        )
