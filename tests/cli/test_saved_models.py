"""`haframe export`, and `haframe inspect` of `.keras` files."""

import json
import os
import subprocess
import sys
import zipfile

import keras
import pytest

import keras_haframe as kh
from keras_haframe import cli
from tests import networks
from tests.trees import worked


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "m.keras"
    kh.build(networks.backbone(), worked(), gamma=2.0, hidden_units=8).save(path)
    return path


def test_inspect_a_keras_file(saved, capsys):
    assert cli.main(["inspect", str(saved)]) == 0
    out = capsys.readouterr().out
    assert "haframe on tiny, network" in out and "gamma=2.0" in out
    assert "tree vehicles: 4 classes, 7 nodes, height 2, root vehicle" in out
    assert cli.main(["inspect", str(saved), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["classes"] == ["car", "truck", "jet", "glider"] and found["method"] == "haframe"
    assert found["keras"] == keras.__version__ and "trainable" not in found["options"]


def test_inspect_loads_no_framework(saved, tmp_path):
    (tmp_path / "keras.py").write_text("raise RuntimeError('imported')")
    root = os.path.dirname(os.path.dirname(kh.__file__))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), root])}
    command = [sys.executable, "-m", "keras_haframe", "inspect", str(saved)]
    run = subprocess.run(command, env=env, capture_output=True, text=True)
    assert run.returncode == 0 and "4 classes" in run.stdout, run.stderr


@pytest.mark.parametrize("command", [["inspect"], ["export"]])
def test_other_files(command, tmp_path, capsys):
    more = [str(tmp_path / "out")] if command == ["export"] else []
    other = tmp_path / "other.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(other)
    assert cli.main([*command, str(other), *more]) == 1
    assert "holds a Sequential, no model of keras_haframe.build" in capsys.readouterr().err
    assert cli.main([*command, str(tmp_path / "none.keras"), *more]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_what_a_terminal_obeys_is_escaped(saved, tmp_path, capsys):
    path = tmp_path / "odd.keras"
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(path, "w") as new:
        config = json.loads(old.read("config.json"))
        config["config"]["name"] = "\x1b[2J\u202ename"
        new.writestr("config.json", json.dumps(config))
        new.writestr("metadata.json", old.read("metadata.json"))
    assert cli.main(["inspect", str(path)]) == 0
    assert "\n\\u001b[2J\\u202ename: haframe" in capsys.readouterr().out


def test_a_damaged_saved_model(tmp_path, capsys):
    (tmp_path / "1" / "assets").mkdir(parents=True)
    for content, facts in ((b"\xff" * 9, "{}"), (b"", "{"), (b"", '{"a":' * 100_000)):
        (tmp_path / "1" / "saved_model.pb").write_bytes(content)
        (tmp_path / "1" / "assets" / "model.json").write_text(facts)
        assert cli.main(["inspect", str(tmp_path)]) == 1
        err = capsys.readouterr().err
        assert err.count("\n") == 1 and "is damaged" in err


ODD = {"tree": {"edges": [["r", "a"], ["r", "b"]]}, "method": "haframe", "backbone": 3}


@pytest.mark.parametrize("content", [b"nothing", None, b"[]", json.dumps({"config": ODD}).encode()])
def test_damaged_files(content, tmp_path, capsys):
    path = tmp_path / "m.keras"
    if content == b"nothing":
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("metadata.json", "{}")
            if content:
                file.writestr("config.json", content)
    assert cli.main(["inspect", str(path)]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "m.keras" in err


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="needs TensorFlow")
def test_export(saved, tmp_path, capsys):
    words = ["export", str(saved), str(tmp_path / "birds"), "--version", "3"]
    assert cli.main([*words, "--triton", str(tmp_path / "triton")]) == 0
    written = [tmp_path / "birds" / "3", tmp_path / "triton" / "birds" / "3"]
    assert capsys.readouterr().out.split() == [str(path) for path in written]
    assert (written[1] / "model.savedmodel" / "saved_model.pb").is_file()
    assert (tmp_path / "birds" / "3" / "saved_model.pb").is_file()
    assert cli.main(["export", str(saved), str(tmp_path / "birds"), "--version", "3"]) == 1
    assert "3" in capsys.readouterr().err
