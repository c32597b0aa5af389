"""The CIFAR-100 recipe in seconds, on TensorFlow and on JAX without TensorFlow's data room."""

import importlib.util
import json

import numpy as np
import pytest

from keras_haframe.results import read_folder
from tests.recipes import call


@pytest.fixture(scope="module")
def smoke(made_once):
    """Folder and printed text of a short run."""

    def make(folder):
        (folder / "text").write_text(call.recipe("cifar100", "--smoke", "--output", folder / "run"))

    folder = made_once("cifar100_smoke", make)
    return folder / "run", (folder / "text").read_text()


def first_loss(output) -> float:
    """Training loss of the first epoch."""
    rows = (output / "haframe_II_seed0/history.csv").read_text().splitlines()
    return float(rows[1].split(",")[rows[0].split(",").index("loss")])


@pytest.mark.slow
def test_smoke(smoke):
    output, text = smoke
    assert "| haframe_II + CRM |" in text
    folder = output / "haframe_II_seed0"
    result = json.loads((folder / "result.json").read_text())
    with np.load(folder / "scores.npz") as file:
        assert file["scores"].shape == (100, 100)
        assert result["top1"] == pytest.approx((file["scores"].argmax(1) == file["labels"]).mean())
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["depth"] == 10 and settings["method"] == "haframe"
    assert settings["options"] == {"gamma": 2.0, "alpha": 0.4, "seed": 0}
    for run in (read_folder(output), read_folder(folder)):
        assert run.predictions is not None and run.histories and run.tree.num_classes == 100
    assert len(read_folder(output).results) == 2


@pytest.mark.slow
def test_images_on_the_device_give_the_same_run(smoke, tmp_path):
    """Same crops, same weights at the start: the losses of an epoch agree to rounding."""
    call.recipe("cifar100", "--smoke", "--output", tmp_path, "--on-device")
    assert first_loss(tmp_path) == pytest.approx(first_loss(smoke[0]), rel=1e-3)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
@pytest.mark.slow
def test_runs_from_arrays_on_the_device_where_tensorflow_is_not_installed(tmp_path):
    rng, arrays = np.random.default_rng(0), {}
    for split, n in (("train", 5200), ("test", 100)):  # 52 per class, of which 50 for validation
        arrays[f"{split}_images"] = rng.integers(0, 256, (n, 32, 32, 3), "uint8")
        arrays[f"{split}_labels"] = np.arange(n) % 100
    np.savez(tmp_path / "images.npz", **arrays)
    options = {"arrays": tmp_path / "images.npz", "output": tmp_path / "run"}
    options |= {"depth": 10, "width": 1, "per-class": 2, "epochs": 1, "network": "I"}
    done = call.process(
        "cifar100", "--on-device", "--method", "cross_entropy",
        *(f"--{k}={v}" for k, v in options.items()), **call.without_tensorflow(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "| cross_entropy_I |" in done.stdout
    assert list((tmp_path / "run/cross_entropy_I_seed0/tensorboard/train").glob("events*"))


def test_unknown_arguments_are_refused(capsys):
    with pytest.raises(SystemExit):
        call.recipe("cifar100", "--epoch", "3", "--x")
    assert "unrecognized arguments" in capsys.readouterr().err
