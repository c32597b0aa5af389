"""The CIFAR-100 recipe in seconds, on TensorFlow and on JAX without TensorFlow's data room."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]


def recipe(backend, *arguments):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": backend}
    return subprocess.run(
        [sys.executable, "recipes/cifar100.py", *arguments],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def test_smoke(tmp_path):
    done = recipe("tensorflow", "--smoke", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "| haframe_II + CRM |" in done.stdout
    folder = tmp_path / "haframe_II_seed0"
    result = json.loads((folder / "result.json").read_text())
    with np.load(folder / "scores.npz") as file:
        assert file["scores"].shape == (200, 100)
        assert result["top1"] == pytest.approx((file["scores"].argmax(1) == file["labels"]).mean())
    assert len((tmp_path / "haframe_II.csv").read_text().splitlines()) == 3
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["depth"] == 10 and settings["method"] == "haframe"


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
def test_runs_from_arrays_where_tensorflow_is_not_installed(tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "raise ModuleNotFoundError('No module named tensorflow', name='tensorflow')"
    )
    rng, arrays = np.random.default_rng(0), {}
    for split, n in (("train", 5200), ("test", 100)):  # 52 per class, of which 50 for validation
        arrays[f"{split}_images"] = rng.integers(0, 256, (n, 32, 32, 3), "uint8")
        arrays[f"{split}_labels"] = np.arange(n) % 100
    np.savez(tmp_path / "images.npz", **arrays)
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "KERAS_BACKEND": "jax"}
    options = {"arrays": tmp_path / "images.npz", "output": tmp_path / "run"}
    options |= {"depth": 10, "width": 1, "per-class": 2, "epochs": 1, "type": "I"}
    done = subprocess.run(
        [sys.executable, "recipes/cifar100.py", "--method", "cross_entropy",
         *(f"--{k}={v}" for k, v in options.items())],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "| cross_entropy_I |" in done.stdout
    assert list((tmp_path / "run/cross_entropy_I_seed0/tensorboard/train").glob("events*"))


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
def test_images_on_the_device_give_the_same_run(tmp_path):
    """Same crops, same weights at the start: the losses agree to rounding."""
    losses = []
    for more in ([], ["--on-device"]):
        folder = tmp_path / ("there" if more else "here")
        done = recipe("jax", "--smoke", "--epochs", "1", "--output", str(folder), *more)
        assert done.returncode == 0, done.stderr[-3000:]
        rows = (folder / "haframe_II_seed0/history.csv").read_text().splitlines()
        losses.append(float(rows[1].split(",")[rows[0].split(",").index("loss")]))
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_unknown_arguments_are_refused():
    done = recipe("jax" if importlib.util.find_spec("jax") else "tensorflow", "--epoch", "3", "--x")
    assert done.returncode == 2 and "unrecognized arguments" in done.stderr
