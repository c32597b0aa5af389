"""The exported SavedModel: versions, named outputs, no need of this package."""

import html
import json
import subprocess
import sys

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
CONFIGS = ("models.config", "batching_parameters.txt", "monitoring.config", "docker_run.sh")


@pytest.fixture
def model(tree):
    net = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    return kh.build(net, tree)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model exported with everything said about it."""
    tree = kh.ClassTree.from_nested(
        {"land": ["car", "truck"], "air": ["jet", "glider"]}, root="vehicle", name="vehicles"
    )
    model = tiny.model(tree)
    model.fit(tiny.images(8), np.arange(8) % 4, epochs=2, verbose=0)
    path = kh.export(
        model,
        tmp_path_factory.mktemp("serving") / "vehicles",
        preprocessing=Preprocessing(resize="crop", crop_fraction=0.875),
        metrics={"top1": 0.875, "severity": 1.25, "hier_dist_1": 0.1563, "hier_dist_5": np.nan},
        training={"data": "drawn vehicles", "images": np.int64(8)},
    )
    return model, path


@pytest.mark.slow
def test_versions_count_up_and_nothing_is_overwritten(model, tmp_path):
    assert kh.export(model, tmp_path / "m") == tmp_path / "m" / "1"
    assert kh.export(model, tmp_path / "m") == tmp_path / "m" / "2"
    assert kh.export(model, tmp_path / "m", version=7) == tmp_path / "m" / "7"
    assert kh.export(model, tmp_path / "m") == tmp_path / "m" / "8"
    with pytest.raises(ValueError, match=r"exists already.*\(9\)"):
        kh.export(model, tmp_path / "m", version=7)
    with pytest.raises(ValueError, match="version=-1"):
        kh.export(model, tmp_path / "m", version=-1)
    names = {p.name for p in (tmp_path / "m").iterdir()}
    assert names == {"1", "2", "7", "8", *CONFIGS}  # and nothing temporary


@pytest.mark.slow
def test_a_fresh_process_without_the_package_serves_it(model, tmp_path):
    x = np.random.default_rng(0).normal(size=(5, 8, 8, 3)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    path = kh.export(model, tmp_path / "m")
    code = """
import json, sys
import numpy as np, tensorflow as tf
served = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
out = served(images=tf.constant(np.load(sys.argv[2])))
assert "keras_haframe" not in sys.modules
print(json.dumps({
    "p": out["probabilities"].numpy().tolist(), "id": out["class_id"].numpy().tolist(),
    "name": [n.decode() for n in out["class_name"].numpy()], "score": out["score"].numpy().tolist(),
}))
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(path), str(tmp_path / "x.npy")],
        capture_output=True, text=True, check=True, timeout=300, cwd=tmp_path,
    )  # fmt: skip
    out = json.loads(run.stdout.splitlines()[-1])
    scores = model.predict(x, verbose=0)
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(out["p"], p, atol=1e-5)
    assert out["id"] == p.argmax(1).tolist()
    assert out["name"] == [model.tree.leaves[i] for i in p.argmax(1)]
    np.testing.assert_allclose(out["score"], p.max(1), atol=1e-5)


def test_weights_are_stored_once(tree, tmp_path):
    net = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4000, 3)])
    model = kh.build(net, tree)
    path = kh.export(model, tmp_path / "m")
    stored = sum(f.stat().st_size for f in (path / "variables").glob("*.data*"))
    weights = sum(int(np.prod(v.shape)) * 4 for v in model.variables)
    assert weights <= stored < 1.1 * weights


def test_all_signatures_are_there_and_named(exported):
    import tensorflow as tf

    served = tf.saved_model.load(str(exported[1])).signatures
    inputs = {name: set(f.structured_input_signature[1]) for name, f in served.items()}
    assert inputs == {
        "serving_default": {"images"},
        "hierarchical": {"images", "threshold"},
        "decide": {"images", "floor", "allowed"},
        "features": {"images"},
        "serving_bytes": {"image_bytes"},
        "hierarchical_bytes": {"image_bytes", "threshold"},
        "decide_bytes": {"image_bytes", "floor", "allowed"},
        "features_bytes": {"image_bytes"},
        "classify": {"inputs"},
    }
    answer = {"probabilities", "class_id", "class_name", "score"}
    assert set(served["serving_default"].structured_outputs) == answer
    assert set(served["serving_bytes"].structured_outputs) == answer | {"ok", "error"}
    assert set(served["classify"].structured_outputs) == {"classes", "scores"}
    for function in served.values():  # the batch size is free, everything else is static
        for spec in function.structured_input_signature[1].values():
            assert spec.shape[0] is None and None not in spec.shape[1:]


@pytest.mark.slow
def test_encoded_images_are_prepared_as_told(exported):
    import tensorflow as tf

    model, path = exported
    served = tf.saved_model.load(str(path)).signatures
    prepare = Preprocessing(tiny.SHAPE[:2], "crop", 0.875)
    pictures = [rgb(33, 47, 1), rgb(20, 16, 2), rgb(16, 64, 3)]
    data = tf.constant([encode(p) for p in pictures])
    x = np.stack([prepare(p) for p in pictures])
    p = softmax(model.predict(x, verbose=0))
    found = {k: v.numpy() for k, v in served["serving_bytes"](image_bytes=data).items()}
    assert found["ok"].all()
    np.testing.assert_allclose(found["probabilities"], p, rtol=0, atol=1e-5)
    unit = served["features_bytes"](image_bytes=data)["features"].numpy()
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-5)
    floats = served["features"](images=tf.constant(x))["features"].numpy()
    np.testing.assert_allclose(unit, floats, atol=1e-5)


@pytest.mark.slow
def test_empty_batches(exported):
    import tensorflow as tf

    served = tf.saved_model.load(str(exported[1])).signatures
    empty = {
        "images": tf.zeros([0, *tiny.SHAPE]),
        "image_bytes": tf.constant([], tf.string),
        "inputs": tf.constant([], tf.string),
        "threshold": tf.zeros([0]),
        "floor": tf.zeros([0]),
        "allowed": tf.zeros([0, 4], tf.bool),
    }
    for name, function in served.items():
        inputs = function.structured_input_signature[1]
        outputs = function(**{key: empty[key] for key in inputs})
        for key, value in outputs.items():
            assert value.shape[0] == 0, (name, key)
            static = function.structured_outputs[key].shape
            assert value.shape.rank == static.rank


def test_an_image_does_not_depend_on_its_company(exported):
    import tensorflow as tf

    served = tf.saved_model.load(str(exported[1])).signatures["serving_default"]
    images = tiny.images(5)
    together = served(images=tf.constant(images))["probabilities"].numpy()
    broken = images.copy()
    broken[2] = np.nan
    beside_nan = served(images=tf.constant(broken))["probabilities"].numpy()
    assert np.isnan(beside_nan[2]).all()
    np.testing.assert_allclose(np.delete(beside_nan, 2, 0), np.delete(together, 2, 0), atol=1e-6)
    for i in range(5):
        alone = served(images=tf.constant(images[i : i + 1]))["probabilities"].numpy()
        np.testing.assert_allclose(alone[0], together[i], atol=1e-5)


def test_classify_reads_examples(exported):
    import tensorflow as tf

    served = tf.saved_model.load(str(exported[1])).signatures
    data = [encode(rgb(seed=i)) for i in range(2)] + [b"not an image"]
    examples = []
    for value in data:
        feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        features = tf.train.Features(feature={"image/encoded": feature})
        examples.append(tf.train.Example(features=features).SerializeToString())
    examples.append(tf.train.Example().SerializeToString())  # without the feature
    found = served["classify"](inputs=tf.constant(examples))
    p = served["serving_bytes"](image_bytes=tf.constant(data))["probabilities"].numpy()
    order = np.argsort(-p[:2], axis=1)
    names = np.array(exported[0].tree.leaves)[order]
    assert [[n.decode() for n in row] for row in found["classes"].numpy()[:2]] == names.tolist()
    np.testing.assert_allclose(found["scores"][:2], np.sort(p[:2])[:, ::-1], atol=1e-6)
    assert np.isnan(found["scores"][2:]).all() and set(found["classes"].numpy()[2:].ravel()) == {
        b""
    }


def test_assets_and_card_say_what_the_model_is(exported):
    model, path = exported
    facts = json.loads((path / "assets" / "model.json").read_text())
    assert kh.ClassTree.from_json(path / "assets" / "tree.json") == model.tree
    labels = json.loads((path / "assets" / "labels.json").read_text())
    assert labels == {"classes": model.tree.leaves, "nodes": model.tree.nodes}
    assert facts["input"]["range"] == [0, 255] and facts["input"]["shape"] == [None, *tiny.SHAPE]
    assert facts["preprocessing"]["size"] == [16, 16] and facts["preprocessing"]["resize"] == "crop"
    assert facts["training"]["epochs"] == 2 and facts["training"]["steps"] == 2
    assert facts["training"]["data"] == "drawn vehicles" and facts["training"]["images"] == 8
    assert facts["metrics"]["severity"] == 1.25 and facts["metrics"]["hier_dist_5"] is None
    assert facts["method"] == "haframe" and facts["method_options"]["gamma"] == 0.8
    card = (path / "model_card.md").read_text()
    for text in ("vehicles, version 1", "top-1 % | 87.5", "severity | 1.25", "HierDist@1 | 0.1563",
                 "values from 0 to 255", "drawn vehicles", "`hierarchical_bytes`"):  # fmt: skip
        assert text in card, text


@pytest.mark.slow
def test_a_card_without_metrics_says_so(model, tmp_path):
    card = (kh.export(model, tmp_path / "m") / "model_card.md").read_text()
    assert "top-1 % | not measured" in card and "severity | not measured" in card


def test_names_in_a_card_are_shown_and_do_nothing(exported):
    from keras_haframe.saving import model_card

    odd = "<img onerror=x>`|[a](b) *c* __d__ &lt;\n# e \x1b[2J"
    facts = json.loads((exported[1] / "assets" / "model.json").read_text())
    facts |= {"method": odd, "backbone": odd, "training": {odd: odd}, "metrics": {odd: 0.5}}
    facts["tree"] |= {"name": odd, "root": odd}
    card = model_card.render(facts, "m", 1)
    assert html.unescape(card).count("<img onerror=x>`|[a](b) *c* __d__ &lt; # e \ufffd[2J") == 7
    for sign in ("<", "`|", "](", "*c", "__", "&lt", "\n# e", "\x1b"):
        assert sign not in card, sign


def test_the_graph_calls_no_python_and_only_stock_operations(exported):
    from tensorflow.python.framework import op_def_registry

    from keras_haframe.cli.inspect import inspect

    found = inspect(exported[1])
    assert found["needs_python"] == [] and len(found["ops"]) > 30
    assert all(op_def_registry.get(op) is not None for op in found["ops"])
    assert found["signatures"]["classify"]["method"] == "classify"


def test_a_failed_export_leaves_nothing(model, tmp_path, monkeypatch):
    from keras_haframe.saving import warmup

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(warmup, "write", fail)
    with pytest.raises(OSError, match="disk full"):
        kh.export(model, tmp_path / "m")
    assert not list((tmp_path / "m").iterdir())


@pytest.mark.slow
def test_an_export_that_was_overtaken_takes_the_next_number(model, tmp_path, monkeypatch):
    from keras_haframe.saving import model_card

    render = model_card.render

    def overtaken(known, name, number):
        if number == 1:  # another process publishes version 1 at this moment
            (tmp_path / "m" / "1").mkdir()
            (tmp_path / "m" / "1" / "saved_model.pb").write_bytes(b"")
        return render(known, name, number)

    monkeypatch.setattr(model_card, "render", overtaken)
    assert kh.export(model, tmp_path / "m") == tmp_path / "m" / "2"
    assert "version 2" in (tmp_path / "m" / "2" / "model_card.md").read_text()


@pytest.mark.slow
def test_a_function_prepares_images(model, tmp_path):
    import tensorflow as tf

    def corner(image):
        return tf.cast(image[:8, :8], tf.float32) / 255.0

    path = kh.export(model, tmp_path / "m", preprocessing=corner)
    served = tf.saved_model.load(str(path)).signatures["serving_bytes"]
    picture = rgb()
    p = served(image_bytes=tf.constant([encode(picture)]))["probabilities"]
    expected = model.predict(picture[None, :8, :8] / 255.0, verbose=0)
    np.testing.assert_allclose(p, softmax(expected), atol=1e-5)
    facts = json.loads((path / "assets" / "model.json").read_text())
    assert facts["preprocessing"] == {"function": "corner"} and facts["input"]["range"] is None


def test_inputs_that_are_no_images_get_no_signatures_for_them(tree, tmp_path):
    import tensorflow as tf

    model = kh.build(keras.Sequential([keras.Input((5,)), keras.layers.Dense(6)]), tree)
    path = kh.export(model, tmp_path / "m")
    served = tf.saved_model.load(str(path)).signatures
    assert set(served) == {"serving_default", "hierarchical", "decide", "features"}
    assert served["serving_default"](images=tf.zeros([2, 5]))["score"].shape == [2]


@pytest.mark.slow
@pytest.mark.parametrize("dtype,policy", [("uint8", "float32"), ("float32", "mixed_bfloat16")])
def test_other_types_inside(tree, tmp_path, dtype, policy):
    """Signatures take and give float32, whatever the model computes in."""
    import tensorflow as tf

    keras.config.set_dtype_policy(policy)
    inputs = keras.Input((8, 8, 3), dtype=dtype)
    x = keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(inputs))
    model = kh.build(keras.Model(inputs, x), tree, "cross_entropy")
    path = kh.export(model, tmp_path / "m")
    served = tf.saved_model.load(str(path)).signatures
    x = rgb(8, 8)[None].astype(dtype)
    p = softmax(model.predict(x, verbose=0))
    found = served["serving_default"](images=tf.constant(x, tf.float32))["probabilities"]
    np.testing.assert_allclose(found, p, atol=1e-5 if policy == "float32" else 5e-3)
    unit = served["features_bytes"](image_bytes=tf.constant([encode(rgb(8, 8))]))["features"]
    assert unit.dtype == tf.float32
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-5)


@pytest.mark.slow
def test_arguments_are_checked(model, tree, tmp_path):
    for options, message in (
        ({"name": "a b"}, "letters, digits"),
        ({"max_pixels": 0}, "max_pixels=0"),
        ({"max_scans": 0}, "max_scans=0"),
        ({"top_k": -1}, "top_k=-1"),
        ({"preprocessing": 3}, "must be a Preprocessing or a function"),
        ({"preprocessing": Preprocessing((9, 9))}, r"size \(9, 9\); the model takes \(8, 8\)"),
        ({"warmup_images": np.zeros((1, 4, 4, 3))}, "`warmup_images` must be uint8"),
    ):
        with pytest.raises(ValueError, match=message):
            kh.export(model, tmp_path / "m", **options)
    free = kh.build(
        keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3)]), tree
    )
    with pytest.raises(ValueError, match="images of any size"):
        kh.export(free, tmp_path / "m")
    path = kh.export(free, tmp_path / "m", preprocessing=Preprocessing((12, 10)))
    assert path.name == "1"
