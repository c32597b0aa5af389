"""The ResNet-50 recipes in seconds: all train on drawn images and say what they lack."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="recipes read their data with TensorFlow Datasets")
if keras.backend.backend() != "tensorflow":
    pytest.skip("the input pipelines are TensorFlow's", allow_module_level=True)

ROOT = pathlib.Path(__file__).parents[2]


def recipe(name, *arguments, env=None):
    return subprocess.run(
        [sys.executable, f"recipes/{name}.py", *map(str, arguments)], cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}, timeout=600,
        capture_output=True, text=True,
    )  # fmt: skip


def test_smoke_and_once_more(tmp_path):
    """The second call finds the run finished and only prints its table."""
    arguments = ("--smoke", "--data-dir", tmp_path / "data", "--output", tmp_path / "runs")
    first = recipe("aircraft", *arguments)
    assert first.returncode == 0, first.stderr[-3000:]
    result = json.loads((tmp_path / "runs/haframe_II_seed0/result.json").read_text())
    assert result["best_epoch"] == 1 and result["mistakes"] <= 32
    again = recipe("aircraft", *arguments)
    assert again.returncode == 0, again.stderr[-3000:]
    table = first.stdout[first.stdout.index("| method") :]
    assert "haframe_II + CRM" in table and again.stdout.endswith(table)


@pytest.mark.parametrize("name", ["aircraft", "inaturalist2019", "tiered_imagenet"])
def test_weights_are_asked_for_before_anything_else(name, tmp_path):
    done = recipe(name, "--data-dir", tmp_path)
    assert done.returncode == 1 and "--weights FILE" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "method", "network"),
    [("inaturalist2019", "cross_entropy", "I"), ("tiered_imagenet", "flamingo", "I")],
)
def test_smoke_of_the_others(name, method, network, tmp_path):
    done = recipe(
        name, "--smoke", "--method", method, "--type", network, "--data-dir", tmp_path / "data",
        "--output", tmp_path / "runs",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"| {method}_{network} + CRM |" in done.stdout


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
def test_arrays_where_tensorflow_is_not_installed(tmp_path):
    """Written here, trained on by JAX with an installation that has no TensorFlow."""
    file = tmp_path / "drawn.npz"
    data = ("--data-dir", tmp_path / "data")
    done = recipe("aircraft", "--smoke", "--write-arrays", file, *data)
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(file) as arrays:
        assert arrays["train_images"].shape == (32, 32, 32, 3)
        assert arrays["test_images"].dtype == np.uint8 and arrays["test_images"].std() > 20
    (tmp_path / "tensorflow.py").write_text(
        "raise ModuleNotFoundError('No module named tensorflow', name='tensorflow')"
    )
    env = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "KERAS_BACKEND": "jax"}
    options = ("--smoke", "--arrays", file, "--output", tmp_path / "runs")
    done = recipe("aircraft", *options, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "| haframe_II + CRM |" in done.stdout


def test_arrays_of_images_of_any_size_are_refused(tmp_path):
    done = recipe("inaturalist2019", "--write-arrays", tmp_path / "a.npz")
    assert done.returncode == 1 and "does not fit into memory" in done.stderr


def test_help_tells_the_settings_of_the_paper():
    text = recipe("inaturalist2019", "--help").stdout
    assert "256" in text and "runs/inaturalist2019" in text
