"""`haframe predict` with ONNX files: the answers of a SavedModel, with no framework."""

import copy
import json
import pathlib
import subprocess
import sys
from unittest import mock

import keras
import pytest

import keras_haframe as kh
from keras_haframe import cli
from keras_haframe.cli import predict
from keras_haframe.saving import export_file, networks
from tests.cli.test_serving_commands import folder  # noqa: F401 (a fixture)
from tests.saving import tiny
from tests.trees import worked

for needed in ("onnx", "tf2onnx", "onnxruntime"):
    pytest.importorskip(needed)
if keras.backend.backend() != "tensorflow":
    pytest.skip("SavedModels are written on TensorFlow", allow_module_level=True)

BARE = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in (
            "tensorflow", "keras", "jax", "torch", "grpc", "scipy", "matplotlib", "onnx", "h5py"
        ):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.split(".")[0])

sys.meta_path.insert(0, Block())
sys.argv[0] = "haframe"
from keras_haframe.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The same model as SavedModel and as three ONNX files; the exporter is asked once."""
    how = kh.data.Preprocessing((16, 16), "crop", 0.875, antialias=True, input_range=(-1.0, 1.0))
    model = tiny.model(worked(), preprocessing=how)
    base = tmp_path_factory.mktemp("models")
    kh.export(model, base / "saved")
    network = networks.as_onnx(networks.served_network(model))
    with mock.patch.object(networks, "as_onnx", lambda _: copy.deepcopy(network)):
        export_file(model, base / "float")
        export_file(model, base / "uint8", prepare=True)
        export_file(model, base / "numbers", text=False)
        bicubic = kh.data.Preprocessing(interpolation="bicubic", input_range=(-1.0, 1.0))
        with pytest.warns(UserWarning, match="not that of the model"):
            export_file(model, base / "bicubic", preprocessing=bicubic)
    return base


def same(found: list, expected: list) -> None:
    assert [r["file"] for r in found] == [r["file"] for r in expected]
    for a, b in zip(found, expected, strict=True):
        assert a.keys() == b.keys()
        for key, value in b.items():
            if key == "path":
                assert [s["node"] for s in a[key]] == [s["node"] for s in value]
                for s, t in zip(a[key], value):
                    assert s["probability"] == pytest.approx(t["probability"], abs=1e-5)
            elif isinstance(value, float):
                assert a[key] == pytest.approx(value, abs=1e-5)
            else:
                assert a[key] == value


@pytest.mark.slow
@pytest.mark.parametrize(
    "allowed", [None, pytest.param(["truck", "air"], marks=pytest.mark.slow)], ids=str
)
def test_as_with_a_saved_model(exported, folder, allowed):  # noqa: F811
    (folder / "c.jpg").write_bytes(b"no image")
    files = predict.rows.image_files([folder])
    for threshold in (0.3, 0.9):
        given = (files, threshold, 2, allowed)
        expected = predict.predict_files(exported / "saved", *given)
        assert [r["ok"] for r in expected] == [True, False, True, False]
        for name in ("float", "uint8", "numbers"):
            same(predict.predict_files(exported / f"{name}.onnx", *given), expected)


def test_on_a_machine_without_frameworks(exported, folder):  # noqa: F811
    path = exported / "float.onnx"
    command = ["predict", str(path), str(folder), "--json", "--allowed", "air", "car"]
    run = subprocess.run(
        [sys.executable, "-c", BARE, *command], capture_output=True, text=True, timeout=300,
        cwd=pathlib.Path(kh.__file__).parents[1],
    )  # fmt: skip
    assert run.returncode == 1, run.stderr  # one file is damaged
    files = predict.rows.image_files([folder])
    same(json.loads(run.stdout), predict.predict_files(path, files, allowed=["air", "car"]))


@pytest.mark.slow
def test_what_cannot_be_answered_has_a_reason(exported, folder, tmp_path, capsys):  # noqa: F811
    (tmp_path / "no.onnx").write_bytes(b"not a model")
    for words, message in (
        (["none.onnx"], "No such file: none.onnx"),
        ([str(tmp_path / "no.onnx")], "no.onnx is no ONNX file"),
        ([str(exported / "bicubic.onnx")], "prepare=True"),
    ):
        assert cli.main(["predict", *words, str(folder / "a.png")]) == 1
        err = capsys.readouterr().err
        assert message in err and err.count("\n") == 1
    broken = folder / "sub" / "broken.jpeg"
    assert cli.main(["predict", str(exported / "float.onnx"), str(broken)]) == 1
    assert "not read: damaged image" in capsys.readouterr().out
    with pytest.raises(ValueError, match="Did you mean 'truck'"):
        predict.predict_files(exported / "float.onnx", [folder / "a.png"], allowed=["trcuk"])
