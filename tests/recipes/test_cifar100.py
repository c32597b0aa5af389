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


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_smoke(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    method = {"tensorflow": "haframe", "jax": "cross_entropy"}[backend]
    done = recipe(backend, "--smoke", "--method", method, "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"| {method}_II + CRM |" in done.stdout
    folder = tmp_path / f"{method}_II_seed0"
    result = json.loads((folder / "result.json").read_text())
    with np.load(folder / "scores.npz") as file:
        assert file["scores"].shape == (200, 100)
        assert result["top1"] == pytest.approx((file["scores"].argmax(1) == file["labels"]).mean())
    assert len((tmp_path / f"{method}_II.csv").read_text().splitlines()) == 3
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["depth"] == 10 and settings["method"] == method


def test_unknown_arguments_are_refused():
    done = recipe("jax" if importlib.util.find_spec("jax") else "tensorflow", "--epoch", "3", "--x")
    assert done.returncode == 2 and "unrecognized arguments" in done.stderr


def test_validation_is_the_last_fifty_of_every_class(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "recipes")
    import cifar100 as recipe_module

    labels = np.random.default_rng(0).permutation(np.arange(100).repeat(60))
    train, validation = recipe_module.split(labels, 450)
    assert len(train) == 1000 and len(validation) == 5000 and not set(train) & set(validation)
    for k in (0, 57, 99):
        rows = np.flatnonzero(labels == k)
        assert set(rows[-50:]) <= set(validation) and set(rows[:10]) <= set(train)
    assert len(recipe_module.split(labels, 3)[0]) == 300
