"""`haframe train`, `compare` and `demo`: from photographs to a served answer."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe import cli
from keras_haframe.results.run import read_split

tf = pytest.importorskip("tensorflow", reason="photographs are read by tf.data")
CLASSES = ("air/jet", "air/glider", "land/car", "land/truck")
SMALL = ("--backbone", "small_cnn", "--image-size", "16", "--batch-size", "8")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Five images of each of four colors."""
    top, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for k, name in enumerate(CLASSES):
        (top / name).mkdir(parents=True)
        color = np.array([200 * (k & 1), 200 * (k >> 1), 60])
        for i in range(5):
            picture = np.uint8(color + rng.integers(0, 50, (20, 24, 3)))
            keras.utils.save_img(top / name / f"{i}.png", picture, scale=False)
    return top


def command(*words):
    return cli.main([str(word) for word in words])


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    """Folder of a run whose time was up once, and what the commands printed."""
    output = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        said = []
        patch.setattr("builtins.print", lambda *words, **_: said.append(" ".join(map(str, words))))
        options = ("--epochs", 2, "--option", "alpha=0.25", "--output", output)
        assert command("train", photos, *SMALL, *options, "--max-minutes", 1e-9) == 1
        assert not (output / "model.keras").exists()
        assert command("train", photos, *SMALL, *options) == 0
    return output, "\n".join(said)


def test_a_run_with_everything_in_it(trained):
    output, said = trained
    assert "haframe train: the time was up; the same command goes on" in said
    assert "going on after epoch 1 of 2" in said
    assert "4 classes" in said and "train 16, validation 4" in said
    assert "| haframe |" in said and f"haframe export {output}/model.keras" in said
    for name in (
        "tree.json",
        "scores.npz",
        "history.csv",
        "result.json",
        "model.keras",
        "images.npz",
    ):
        assert (output / name).is_file()
    settings = json.loads((output / "settings.json").read_text())
    assert settings["options"]["alpha"] == 0.25 and settings["scored"] == "validation"
    with np.load(output / "images.npz") as kept:
        assert kept["images"].shape == (4, 96, 96, 3)
        assert len({tuple(image.mean((0, 1)) // 60) for image in kept["images"]}) == 4  # colors
    assert command("report", output) == 0
    assert read_split(output) == "validation"
    assert "Worst mistakes" in (output / "report.html").read_text(encoding="utf-8")


def test_once_more_is_the_same_without_training(trained, photos, capsys):
    output, _ = trained
    before = (output / "model.keras").stat().st_mtime_ns
    options = ("--epochs", 2, "--option", "alpha=0.25", "--output", output, "--json")
    assert command("train", photos, *SMALL, *options) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)  # nothing but JSON
    assert found["result"] == json.loads((output / "result.json").read_text())
    assert found["images"] == {"train": 16, "validation": 4, "test": 0}
    assert "4 classes" in err and (output / "model.keras").stat().st_mtime_ns == before
    (output / "result.json").touch()  # as of a run that was given more epochs
    assert command("train", photos, *SMALL, *options) == 0
    assert (output / "model.keras").stat().st_mtime_ns > before


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the model is exported")
def test_what_is_served_is_what_was_measured(trained, photos, tmp_path, capsys):
    output, _ = trained
    data = kh.data.image_folder(photos, image_size=(16, 16))
    assert command("export", output / "model.keras", tmp_path / "served") == 0
    capsys.readouterr()
    files = data.files["validation"]
    assert command("predict", tmp_path / "served", *files, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    with np.load(output / "scores.npz") as kept:
        assert kept["labels"].tolist() == data.labels["validation"].tolist()
        best = [data.class_names[k] for k in kept["scores"].argmax(-1)]
    assert [row["class"] for row in rows] == best


def test_other_images_are_not_taken_for_those_of_the_run(trained, photos, capsys):
    output, _ = trained
    more = photos / "air" / "jet" / "new.png"
    keras.utils.save_img(more, np.zeros((8, 8, 3), "uint8"), scale=False)
    try:
        options = ("--epochs", 2, "--option", "alpha=0.25", "--output", output)
        assert command("train", photos, *SMALL, *options) == 1
    finally:
        more.unlink()
    assert "made with images='20 images" in capsys.readouterr().err


@pytest.mark.slow
def test_two_stages_from_a_file_of_weights(photos, tmp_path):
    kh.models.small_cnn((16, 16, 3)).save_weights(tmp_path / "pretrained.weights.h5")
    options = ("--weights", tmp_path / "pretrained.weights.h5", "--epochs", 2, "--freeze-epochs", 1)
    options += ("--validation", 0, "--test", 0.2)  # the last epoch is kept
    assert command("train", photos, *SMALL, *options, "--output", tmp_path / "run") == 0
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    start = kh.models.make_backbone("small_cnn", (16, 16), str(tmp_path / "pretrained.weights.h5"))
    for before, after in zip(start.layers, model.backbone.layers, strict=True):
        normalizes = isinstance(before, keras.layers.BatchNormalization)
        for a, b in zip(before.get_weights(), after.get_weights(), strict=True):
            assert np.array_equal(a, b) == normalizes


@pytest.mark.slow
def test_compare(photos, tmp_path, capsys):
    options = ("--epochs", 1, "--methods", "cross_entropy", "--output", tmp_path)
    assert command("compare", photos, *SMALL, *options, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    rows = [(line["method"], line["decision"], line["seed"]) for line in found["results"]]
    assert rows == [("cross_entropy", "", 0), ("cross_entropy", "CRM", 0)]
    model = keras.models.load_model(found["models"]["cross_entropy"])
    assert model.method.name == "cross_entropy" and model.preprocessing.size == (16, 16)
    assert command("compare", photos, *SMALL, *options) == 0  # kept
    out = capsys.readouterr().out
    assert "| cross_entropy + CRM |" in out and "Epoch" not in out


@pytest.mark.parametrize(
    "words, told",
    [
        (["--backbone", "mobilenet_v9"], "near: mobilenetv2"),
        (["--weights", "imagenet"], "small_cnn has no pretrained weights"),
        (["--weights", "none.h5"], "No such file: none.h5"),
        (["--freeze-epochs", "1"], "frozen random backbone learns nothing"),
        (["--validation", "0"], "must be images to score"),
        (["--method", "haframes"], "haframes"),
        (["--option", "alfa=1"], "alfa"),
        (["--image-size", "8"], "at least 16 x 16"),
        (["--image-size", "8", "8", "3"], "one or two numbers"),
        (["--epochs", "0"], "`epochs` must be"),
    ],
)
def test_mistakes_are_one_line(words, told, photos, tmp_path, capsys):
    assert command("train", photos, *SMALL, "--output", tmp_path / "run", *words) == 1
    err = capsys.readouterr().err.strip()
    assert err.startswith("haframe train: ") and told in err and "\n" not in err


@pytest.mark.slow
def test_no_folder_and_a_damaged_image(photos, tmp_path, capsys):
    assert command("train", tmp_path / "none") == 1
    assert capsys.readouterr().err.count("\n") == 1
    damaged = [photos / "air" / "jet" / f"damaged{i}.png" for i in range(2)]
    for file in damaged:  # two, since one may be among those that do not fill a batch
        file.write_bytes(b"no image")
    options = (*SMALL, "--epochs", 1, "--validation", 0, "--test", 0.2)
    try:
        assert command("train", photos, *options, "--output", tmp_path / "a") == 1
        told = capsys.readouterr().err.strip().splitlines()[-1]
        assert told.startswith("haframe train: ") and "damaged" in told
        assert "--skip-damaged" in told
        done = command("train", photos, *options, "--output", tmp_path / "b", "--skip-damaged")
        assert "left out 2 images" in capsys.readouterr().err
    finally:
        for file in damaged:
            file.unlink()
    assert done == 0
    assert json.loads((tmp_path / "b" / "settings.json").read_text())["scored"] == "test"
    assert read_split(tmp_path / "b") == "test"


@pytest.mark.parametrize("name", ["train", "compare", "demo"])
def test_help_loads_no_framework(name, tmp_path):
    for module in ("keras", "numpy"):
        (tmp_path / f"{module}.py").write_text("raise RuntimeError('imported')")
    root = os.path.dirname(os.path.dirname(kh.__file__))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), root])}
    words = [sys.executable, "-m", "keras_haframe", name, "--help"]
    run = subprocess.run(words, env=env, capture_output=True, text=True)
    assert run.returncode == 0 and "--json" in run.stdout, run.stderr


def test_demo_takes_its_settings_from_the_command(monkeypatch, capsys):
    from keras_haframe import demo

    given = []
    lines = [{"method": "HAFrame", "severity": float("nan")}]
    monkeypatch.setattr(demo, "demo", lambda settings: given.append(settings) or lines)
    assert command("demo", "--output", "here", "--seeds", 3, "--smoke", "--json") == 0
    assert given == [demo.Settings(output="here", seeds=3, smoke=True)]
    assert json.loads(capsys.readouterr().out) == [{"method": "HAFrame", "severity": None}]
