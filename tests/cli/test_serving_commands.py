"""`haframe predict`, `haframe client` and `haframe inspect`."""

import argparse
import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe import versions
from keras_haframe.cli import client, inspect, predict, rows
from tests.brute_force import softmax
from tests.saving import tiny
from tests.saving.pictures import encode, rgb

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="SavedModels are written on TensorFlow"
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    tree = kh.ClassTree.from_nested(
        {"land": ["car", "truck"], "air": ["jet", "glider"]}, root="vehicle", name="vehicles"
    )
    model = tiny.model(tree)
    base = tmp_path_factory.mktemp("serving") / "vehicles"
    kh.export(model, base, version=9, metrics={"top1": 0.5})
    kh.export(model, base, version=10, metrics={"top1": 0.75})
    return model, base


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.png").write_bytes(encode(rgb(16, 16, 1)))
    (tmp_path / "sub" / "b.JPG").write_bytes(encode(rgb(16, 16, 2), "JPEG"))
    (tmp_path / "sub" / "broken.jpeg").write_bytes(b"\xff\xd8\xff broken")
    (tmp_path / "notes.txt").write_text("not listed")
    return tmp_path


def call(module, *arguments) -> int:
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.run(parser.parse_args([str(a) for a in arguments]))


@pytest.mark.slow
def test_predict_prints_json(exported, folder, capsys):
    model, base = exported
    assert call(predict, base, folder, "--json", "--threshold", 0.6, "--batch-size", 2) == 1
    found = json.loads(capsys.readouterr().out)
    assert [pathlib.Path(r["file"]).name for r in found] == ["a.png", "b.JPG", "broken.jpeg"]
    assert [r["ok"] for r in found] == [True, True, False]
    assert found[2]["error"] == "damaged image" and "class" not in found[2]
    p = softmax(model.predict(rgb(16, 16, 1)[None].astype("float32"), verbose=0))
    expected = tiny.hierarchy_twin(p, model.tree, 0.6)
    row = found[0]
    assert row["class"] == expected["class_name"][0]
    assert [s["node"] for s in row["path"]] == expected["path"][0].tolist()
    np.testing.assert_allclose(
        [s["probability"] for s in row["path"]], expected["path_probabilities"][0], atol=1e-5
    )
    assert row["sure_of"] == expected["node_name"][0]
    assert row["reason"] == expected["reason"][0]
    assert row["least_risk"] == expected["decision_name"][0]
    assert row["expected_distance"] == pytest.approx(expected["decision_distance"][0], abs=1e-5)


def test_predict_prints_a_table(exported, folder, capsys):
    assert call(predict, exported[1] / "9", folder / "a.png") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["file", "class", "score"] and len(lines) == 2
    assert " > " in lines[1] and "a.png" in lines[1]
    assert call(predict, exported[1], folder / "sub" / "broken.jpeg") == 1
    assert "not read: damaged image" in capsys.readouterr().out


def test_wrong_calls_have_a_reason(exported, tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(encode(rgb()))
    for arguments, message in (
        ((tmp_path, tmp_path / "a.png"), "No SavedModel and no directory of versions"),
        ((tmp_path / "m.keras", tmp_path / "a.png"), "Export it first"),
        ((exported[1], tmp_path / "none.png"), "No such file or folder"),
        ((exported[1], exported[1]), "No image"),
        ((exported[1], tmp_path, "--batch-size", "0"), "must be positive"),
    ):
        with pytest.raises(ValueError, match=message):
            call(predict, *arguments)
    with pytest.raises(ValueError, match="No SavedModel"):
        call(inspect, tmp_path)
    for threshold in ("1.5", "nan", "much"):
        with pytest.raises(SystemExit):
            call(predict, exported[1], tmp_path, "--threshold", threshold)
        assert "must be a number from 0 to 1" in capsys.readouterr().err


def test_the_newest_version_by_number(exported):
    assert versions.newest(exported[1]).name == "10"
    assert versions.newest(exported[1] / "9").name == "9"


def test_inspect(exported, capsys):
    assert call(inspect, exported[1]) == 0
    text = capsys.readouterr().out
    for part in (
        "haframe on small_cnn",
        "vehicles: 4 classes, height 2",
        "images: 0 to 255",
        "top1: 0.75",
        "hierarchical_bytes (predict)",
        "classify (classify)",
        "<- image_bytes: string [?]",
        "-> path: string [?, 3]",
        "assets: labels.json, model.json, tree.json",
        "serving_default 2",
        "none needs Python",
    ):
        assert part in text, part
    assert call(inspect, exported[1], "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["signatures"]["serving_default"]["inputs"] == {"images": "float32 [?, 16, 16, 3]"}
    assert found["model"]["metrics"] == {"top1": 0.75} and found["ops"]["Conv2D"] >= 2


def test_inspect_says_what_calls_python(tmp_path):
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def serve(x):
        return {"y": tf.numpy_function(np.sin, [x], tf.float32)}

    module = tf.Module()
    tf.saved_model.save(module, str(tmp_path / "m"), signatures={"serving_default": serve})
    found = inspect.inspect(tmp_path / "m")
    assert found["needs_python"] and found["model"] is None and found["warmup"] == {}
    assert "Python is needed by" in inspect.render(found)


@pytest.mark.slow
def test_client_and_predict_agree(exported, folder, capsys):
    """The client's rows are those of `predict`, whichever way the outputs came."""
    import tensorflow as tf

    files = rows.image_files([folder])
    served = tf.saved_model.load(str(exported[1] / "10")).signatures

    class InProcess:
        def predict(self, inputs, signature):
            found = served[signature](**{k: tf.constant(v) for k, v in inputs.items()})
            arrays = {k: v.numpy() for k, v in found.items()}
            return {
                k: np.array([x.decode() for x in v.ravel()]).reshape(v.shape)
                if v.dtype == object
                else v
                for k, v in arrays.items()
            }

    assets = exported[1] / "10" / "assets" / "tree.json"
    for names in (None, ["truck", "glider"]):
        mask = rows.allow_list(names, assets)
        found = client.predict_files(InProcess(), files, 0.6, 2, mask)
        expected = predict.predict_files(exported[1], files, 0.6, allowed=names)
        for a, b in zip(found, expected, strict=True):
            assert a.keys() == b.keys() and a["ok"] == b["ok"]
            if a["ok"]:
                assert (a["class"], a["reason"]) == (b["class"], b["reason"])
                assert a["score"] == pytest.approx(b["score"], abs=1e-5)


def test_an_allow_list(exported, folder, capsys):
    """As `model.decide` answers; names that are unknown, or a client without the tree, are told."""
    model, base = exported
    image = rgb(16, 16, 1)[None].astype("float32")
    best = model.tree.leaves[model.predict(image, verbose=0).argmax()]
    others = [name for name in model.tree.leaves if name != best]
    assert (
        call(predict, base, folder / "a.png", "--json", "--threshold", 0, "--allowed", *others) == 0
    )
    (row,) = json.loads(capsys.readouterr().out)
    (expected,) = model.decide(image, floor=0.0, allowed=others)
    assert (row["sure_of"], row["reason"]) == (expected.name, expected.reason)
    assert "not on the list" in row["reason"] and row["sure_of"] != best
    with pytest.raises(ValueError, match="Did you mean 'truck'"):
        call(predict, base, folder / "a.png", "--allowed", "trcuk")
    with pytest.raises(ValueError, match="--allowed needs --tree"):
        call(client, "http://127.0.0.1:9", "m", folder / "a.png", "--allowed", "car")


def test_client_without_a_server_says_so(folder, capsys):
    code = call(client, "http://127.0.0.1:9", "m", folder / "a.png", "--retries", 1, "--timeout", 1)
    assert code == 1 and "(attempts: 2)" in capsys.readouterr().err
    with pytest.raises(ValueError, match="must look like"):
        call(client, "http://", "m", folder)


def test_client_speaks_kserve(folder, capsys):
    """One server of KServe v2 that knows the answers; the row is printed as any other."""
    from tests.serving.hostile import Hostile, answer

    row = {
        "ok": True, "error": "", "class_name": "jet", "score": 0.75, "path": ["air", "jet"],
        "path_probabilities": [1.0, 0.75], "decision_name": "jet", "decision_distance": 0.5,
        "node_name": "air", "node_probability": 1.0, "reason": "rolled up",
    }  # fmt: skip
    kinds = {bool: "BOOL", str: "BYTES", float: "FP32"}
    outputs = [
        {"name": k, "data": v, "shape": [1, len(v)], "datatype": kinds[type(v[0])]}
        for k, v in ((k, v if isinstance(v, list) else [v]) for k, v in row.items())
    ]
    acts = [answer(json.dumps(a).encode()) for a in ({"inputs": []}, {"outputs": outputs})]
    with Hostile(*acts) as server:
        assert call(client, server.url, "m", folder / "a.png", "--kserve", "--json") == 0
        assert b'"signature": "hierarchical_bytes"' in server.seen[1]
    (found,) = json.loads(capsys.readouterr().out)
    assert found["class"] == "jet" and found["sure_of"] == "air"


def test_client_takes_certificates(folder):
    (folder / "ca.pem").write_text("")
    with pytest.raises(ValueError, match="needs an address with https"):
        call(client, "http://127.0.0.1:9", "m", folder, "--ca", folder / "ca.pem")
    with pytest.raises(ValueError, match="`certificate` must be a PEM file"):
        call(client, "https://127.0.0.1:9", "m", folder, "--certificate", "none.pem")


@pytest.mark.slow
def test_inspect_and_client_load_no_tensorflow(exported):
    """With JAX as backend nothing of the two commands imports tensorflow."""
    pytest.importorskip("jax", reason="keras needs some backend")
    code = (
        "import sys; from keras_haframe.cli import inspect, client\n"
        "from keras_haframe.serving import rest\n"
        "import keras_haframe.serving.messages\n"
        f"assert inspect.inspect({str(exported[1])!r})['signatures']\n"
        "assert 'tensorflow' not in sys.modules"
    )
    import os

    subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=300,
        env={**os.environ, "KERAS_BACKEND": "jax"}, cwd=pathlib.Path(kh.__file__).parents[1],
    )  # fmt: skip
