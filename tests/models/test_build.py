"""The model contract: build, fit, evaluate, predict, features, save, reload."""

import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.training import fine_tuning_adamw
from tests.networks import sequential


@pytest.fixture
def data(tree):
    rng = np.random.default_rng(0)
    y = np.arange(24) % tree.num_classes
    x = rng.normal(size=(24, 12, 12, 3)).astype("float32") + y[:, None, None, None]
    return x, y


# Every pair of values of the three: the neck depends on network and pooling, the head on the
# method and the neck's width.
@pytest.mark.parametrize(
    "method, network, pooled",
    [
        ("haframe", "II", True),
        pytest.param("haframe", "I", False, marks=pytest.mark.slow),
        pytest.param("cross_entropy", "I", True, marks=pytest.mark.slow),
        pytest.param("cross_entropy", "II", False, marks=pytest.mark.slow),
    ],
)
def test_build_fits_evaluates_and_predicts(tree, data, method, network, pooled):
    x, y = data
    model = kh.build(sequential(pooled), tree, method, network=network, hidden_units=8)
    history = model.fit(x, y, epochs=6, batch_size=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert {"top1", "severity", "hier_dist_1"} <= set(history)
    assert "hier_dist_5" not in history  # four classes have no five best
    scores = model.predict(x, verbose=0)
    assert scores.shape == (24, 4) and np.isfinite(scores).all()
    result = model.evaluate(x, y, verbose=0, return_dict=True)
    assert result["top1"] == pytest.approx((scores.argmax(1) == y).mean(), abs=1e-6)
    assert model.features(x).shape == (24, 4 if network == "II" else 8)
    assert (model.predict_classes(x, verbose=0) == scores.argmax(1)).all()


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="traces are TensorFlow's")
def test_a_step_is_traced_once(tree, data, monkeypatch):
    x, y = data
    model, traces = kh.build(sequential(), tree), []
    step = model.train_step
    monkeypatch.setattr(model, "train_step", lambda batch: traces.append(batch) or step(batch))
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    assert len(traces) == 1


def test_outputs_have_the_documented_names(tree, data):
    x, _ = data
    assert set(kh.build(sequential(), tree)(x)) == {"logits", "cosines"}
    assert set(kh.build(sequential(), tree, "cross_entropy")(x)) == {"logits"}
    assert isinstance(kh.build(sequential(), tree), keras.Model)


def test_logits_are_inner_products_of_features_and_frame(tree, data):
    x, _ = data
    model = kh.build(sequential(), tree, gamma=2.0)
    rows, bias = model.classifier_weights()
    features = model.features(x)
    assert bias is None
    np.testing.assert_allclose(model.predict(x, verbose=0), features @ rows.T, atol=1e-5)
    s_min = kh.frames.min_similarity(tree, 2.0, "grid")
    np.testing.assert_allclose(
        rows @ rows.T, kh.frames.similarity(tree.distances(), 2.0, s_min), atol=1e-6
    )


def test_training_leaves_the_frame_alone_and_moves_the_rest(tree, data):
    x, y = data
    model = kh.build(sequential(), tree)
    frame = model.classifier_weights()[0].copy()
    before = [w.copy() for w in map(keras.ops.convert_to_numpy, model.backbone.weights)]
    model.fit(x, y, epochs=1, verbose=0)
    np.testing.assert_array_equal(model.classifier_weights()[0], frame)
    after = map(keras.ops.convert_to_numpy, model.backbone.weights)
    assert all((a != b).any() for a, b in zip(after, before))
    assert not any("classifier" in v.path for v in model.trainable_variables)


def test_seed_gives_the_frame(tree):
    frames = [kh.build(sequential(), tree, seed=s).classifier_weights()[0] for s in (1, 1, 2)]
    np.testing.assert_array_equal(frames[0], frames[1])
    assert np.abs(frames[0] - frames[2]).max() > 0.1


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": 0.4, "convention": "subtree", "mapping": "linear"},
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"frame": "structured"}, marks=pytest.mark.slow),
        pytest.param({"network": "I", "hidden_units": 9}, marks=pytest.mark.slow),
    ],
)
def test_saved_model_reloads_in_safe_mode(tree, data, tmp_path, options):
    x, y = data
    model = kh.build(sequential(), tree, gamma=2.0, **options)
    model.fit(x, y, epochs=1, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert again.tree == tree and again.method.options() == model.method.options()
    one, two = (m.evaluate(x, y, verbose=0, return_dict=True) for m in (model, again))
    assert one == pytest.approx(two, nan_ok=True)
    again.fit(x, y, epochs=1, verbose=0)  # compiled, optimizer included


@pytest.mark.slow
def test_saved_model_reloads_in_a_fresh_process(tree, data, tmp_path):
    x, y = data
    model = kh.build(sequential(), tree)
    model.compile(fine_tuning_adamw(model))  # an optimizer of the package, with its state
    model.fit(x, y, epochs=1, verbose=0)
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", x)
    code = (
        "import sys, numpy as np, keras, keras_haframe;"
        "m = keras.models.load_model(sys.argv[1] + '/m.keras');"
        "np.save(sys.argv[1] + '/p.npy', m.predict(np.load(sys.argv[1] + '/x.npy'), verbose=0))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=300)
    np.testing.assert_array_equal(np.load(tmp_path / "p.npy"), model.predict(x, verbose=0))


@pytest.mark.slow
def test_importing_the_package_registers_every_class_that_a_file_may_hold():
    """What other modules register besides would be missing when a saved model is loaded."""
    code = (
        "import importlib, pathlib, keras, keras_haframe\n"
        "known = set(keras.saving.get_custom_objects())\n"
        "root = pathlib.Path(keras_haframe.__file__).parent\n"
        "for path in root.rglob('*.py'):\n"
        "    if '@keras.saving.register' in path.read_text():\n"
        "        name = '.'.join(path.relative_to(root.parent).with_suffix('').parts)\n"
        "        importlib.import_module(name)\n"
        "print(len(known), sorted(set(keras.saving.get_custom_objects()) - known))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    count, missing = run.stdout.split(maxsplit=1)
    assert int(count) >= 40 and missing.strip() == "[]"


def test_config_holds_the_recipe_and_no_matrix(tree):
    text = str(kh.build(sequential(), tree).get_config())
    assert "'gamma': 0.8" in text and "edges" in text and "array(" not in text


@pytest.mark.slow
def test_recompiling_with_other_losses(tree, data):
    x, y = data
    model = kh.build(sequential(), tree)
    model.compile(
        "sgd",
        loss={
            "logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "cosines": kh.losses.FrameCosineLoss(tree, gamma=1.0),
        },
        loss_weights={"logits": 0.5, "cosines": 0.5},
    )
    per_output = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    model.compile("sgd", loss=kh.losses.HAFrameLoss(tree, gamma=1.0, alpha=0.5))
    whole = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    assert per_output == pytest.approx(whole, rel=1e-5)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    scores = model.predict(x, verbose=0)
    plain = np.log(np.exp(scores).sum(1)) - scores[np.arange(24), y]
    loss = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(plain.mean(), rel=1e-4)


def test_regularizers_of_the_backbone_count(tree, data):
    x, y = data
    net = keras.Sequential(
        [keras.Input((12, 12, 3)), keras.layers.Conv2D(6, 3, kernel_regularizer="l2")]
    )
    model = kh.build(net, tree)
    with_term = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    bare = float(model.loss(y, model(x, training=False)))
    penalty = 0.01 * float(keras.ops.sum(net.layers[0].kernel ** 2))
    assert penalty > 1e-4 and with_term == pytest.approx(bare + penalty, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "policy", ["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)]
)
def test_mixed_precision_keeps_scores_in_float32(tree, data, policy):
    x, y = data
    keras.config.set_dtype_policy(policy)
    model = kh.build(sequential(), tree)
    history = model.fit(x, y, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert model.predict(x, verbose=0).dtype == np.float32


def test_sample_weight_zero_removes_an_example(tree, data):
    x, y = data
    model = kh.build(sequential(), tree)
    weight = np.ones(24, "float32")
    weight[12:] = 0
    model.compile("sgd")
    half = model.evaluate(x[:12], y[:12], verbose=0, return_dict=True)["loss"]
    whole = model.evaluate(x, y, 24, 0, sample_weight=weight, return_dict=True)["loss"]
    assert whole == pytest.approx(half / 2, rel=1e-4)


@pytest.mark.slow
def test_keras_applications_backbone(tree):
    net = keras.applications.MobileNetV3Small(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    model = kh.build(net, tree)
    assert model.predict(np.zeros((2, 32, 32, 3)), verbose=0).shape == (2, 4)


def test_layer_backbone_needs_input_shape(tree):
    layer = keras.layers.Conv2D(4, 3)
    with pytest.raises(ValueError, match="input_shape"):
        kh.build(layer, tree)
    model = kh.build(keras.layers.Conv2D(4, 3), tree, input_shape=(8, 8, 3))
    assert model.predict(np.zeros((1, 8, 8, 3)), verbose=0).shape == (1, 4)


def test_compile_keeps_the_loss_and_leaves_xla_off_on_a_cpu(tree, data):
    """`compile(optimizer)` is all that is to be written; Keras does the rest (3.12 and newer)."""
    x, y = data
    model = kh.build(sequential(), tree)
    expected = keras.backend.backend() == "jax"
    assert model.jit_compile is expected
    before = model.evaluate(x, y, verbose=0, return_dict=True)
    model.compile(keras.optimizers.Adam(1e-3))
    assert model.jit_compile is expected
    assert model.evaluate(x, y, verbose=0, return_dict=True) == pytest.approx(before)


def test_evaluation_leaves_the_loss_as_it_was(tree, data):
    """A loss has no memory: `etf_dr` has class lengths in training and none in evaluation."""
    x, y = data
    model = kh.build(sequential(), tree, "etf_dr", normalize=False)
    y = np.where(y == 0, 1, y)  # uneven classes
    outputs = model(x, training=False)
    before = float(model.loss(y, outputs))
    evaluated = model.evaluate(x, y, batch_size=24, verbose=0, return_dict=True)["loss"]
    assert float(model.loss(y, outputs)) == before
    assert float(model.loss(y, outputs, training=False)) == pytest.approx(evaluated, rel=1e-5)
    assert abs(before - evaluated) > 1e-4


def test_predict_proba_is_the_softmax_of_the_scores(tree, data):
    x, _ = data
    model = kh.build(sequential(), tree)
    p, scores = model.predict_proba(x, verbose=0), model.predict(x, verbose=0)
    assert p.dtype == np.float32 and p.shape == (24, 4)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-6)
    e = np.exp(scores.astype("float64"))
    np.testing.assert_allclose(p, e / e.sum(axis=1, keepdims=True), rtol=1e-5)


def test_convention_reaches_head_loss_and_metrics(uneven_tree):
    model = kh.build(sequential(), uneven_tree, convention="subtree", mapping="linear")
    target = model.method.loss.target
    assert (target.convention, target.mapping) == ("subtree", "linear")
    rows, _ = model.classifier_weights()
    d = uneven_tree.distances("subtree")
    expected = kh.frames.similarity(d, 1.0, target.s_min, "linear")
    np.testing.assert_allclose(rows @ rows.T, expected, atol=1e-6)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(model.loss.cosine.targets(np.arange(7))), expected, atol=1e-6
    )
    again = type(model).from_config(model.get_config())
    assert again.method.loss.target.get_config() == target.get_config()


@pytest.mark.slow
def test_convention_reaches_the_metrics_of_methods_without_one():
    deep = kh.ClassTree([("root", n) for n in "ab"] + [("a", n) for n in "xy"]
                        + [("b", "c"), ("c", "z")], ["x", "y", "z"])  # fmt: skip
    for convention, severity in (("depth", 2), ("subtree", 1)):
        model = kh.build(sequential(), deep, "cross_entropy", convention=convention, hidden_units=4)
        model.get_layer("classifier").bias.assign([100.0, 0.0, 0.0])
        found = model.evaluate(
            np.ones((6, 12, 12, 3)), np.ones(6, int), verbose=0, return_dict=True
        )
        assert found["severity"] == found["hier_dist_1"] == severity


@pytest.mark.parametrize("method", ["cross_entropy", "soft_labels", "cpcc", "haframe_dr"])
def test_convention_of_other_methods(uneven_tree, method):
    model = kh.build(sequential(), uneven_tree, method, hidden_units=8, convention="subtree")
    assert model.method.options().get("convention", "subtree") == "subtree"


def test_near_misses_of_options_are_named(tree):
    for wrong, right in (("hidden_unit", "hidden_units"), ("gama", "gamma"), ("sed", "seed")):
        with pytest.raises(
            ValueError, match=rf"Unknown option '{wrong}'.*Did you mean .*'{right}'"
        ):
            kh.build(sequential(), tree, **{wrong: 5})


def test_repr_tells_what_it_is(tree):
    text = repr(kh.build(sequential(), tree, name="mine"))
    assert (
        "haframe, network I, dense frame, backbone 'tiny', 4 classes" in text and "'mine'" in text
    )


@pytest.mark.parametrize(
    "room", ["tree", "frames", "layers", "losses", "metrics", "methods", "models", "decisions"]
)
def test_rooms_that_name_no_backend(room):
    for file in (pathlib.Path(kh.__file__).parent / room).rglob("*.py"):
        found = re.search(r"^\s*(import|from) (tensorflow|jax|torch).*", file.read_text(), re.M)
        # TensorFlow's own kernels lie beside the layer that calls them, and are imported then.
        assert not found or (file.name == "kernels.py" and found[0].startswith(" ")), (file, found)
