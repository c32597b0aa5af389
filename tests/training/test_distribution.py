"""Two devices and two processes train as one does."""

import importlib.util
import os
import pathlib
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_haframe.data import ArrayBatches
from keras_haframe.training import epoch_cosine, run
from keras_haframe.training.distribution import all_devices, join, process
from tests.devices import TWO_DEVICES, flags
from tests.training.small_recipe import make_model
from tests.training.small_run import data

ROOT = pathlib.Path(__file__).parents[2]
BACKEND = keras.backend.backend()


def small_run(folder, devices, max_minutes=None):
    images, labels = data()
    with all_devices(16, devices) as count:
        return run(
            lambda: make_model("haframe", {}, count > 1),
            ArrayBatches(images[:64], labels[:64], 16).from_epoch,
            (images[80:], labels[80:]), 2, folder, validation=(images[64:80], labels[64:80]),
            callbacks=lambda: [epoch_cosine(0.05, 2)], max_minutes=max_minutes, verbose=0,
        )  # fmt: skip


def history(folder):
    rows = (folder / "history.csv").read_text().splitlines()
    return np.array([[float(v) for v in row.split(",")] for row in rows[1:]])


@pytest.mark.skipif(BACKEND != "tensorflow", reason="MirroredStrategy is TensorFlow's")
@pytest.mark.slow
def test_two_devices_equal_one_also_when_stopped(tmp_path):
    alone = small_run(tmp_path / "one", None)
    assert small_run(tmp_path / "two", TWO_DEVICES, 1e-9) is None
    both = small_run(tmp_path / "two", TWO_DEVICES)
    assert both["top1"] == alone["top1"]
    one, two = history(tmp_path / "one"), history(tmp_path / "two")
    assert one.shape == two.shape and len(one) == 2
    np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-4)


def start(folder, devices, *words):
    """The small recipe on JAX, in a process of its own."""
    words = ["-m", "tests.training.small_recipe", "--output", folder, *words]
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "jax",
             "XLA_FLAGS": flags(devices)},
    )  # fmt: skip


def finished(process):
    out, error = process.communicate(timeout=600)
    assert process.returncode == 0, error[-3000:]
    return "| small + CRM |" in out


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
@pytest.mark.slow
def test_a_recipe_in_two_processes_stopped_and_run_again_equals_one_with_two_devices(tmp_path):
    """From the command line, down to the table that the first process prints."""

    def together(*words):
        with socket.socket() as s:
            s.bind(("localhost", 0))
            words += ("--coordinator", f"localhost:{s.getsockname()[1]}", "--processes", 2)
        started = [start(tmp_path / "two", 1, *words, "--index", i) for i in (0, 1)]
        return [finished(one) for one in started]

    assert together("--max-minutes", 1e-9) == [False, False]
    assert finished(start(tmp_path / "one", 2))
    assert together() == [True, False]
    one, two = (history(tmp_path / name / "small_seed0") for name in ("one", "two"))
    assert one.shape == two.shape and len(one) == 2
    np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-4)
    assert (tmp_path / "two/results.csv").exists()


def test_one_process_by_default():
    assert process() == (0, 1)
    with all_devices(7) as count:
        assert count == 1


@pytest.mark.skipif(BACKEND == "jax", reason="JAX can")
def test_processes_need_jax():
    with pytest.raises(RuntimeError, match="KERAS_BACKEND=jax"):
        join("localhost:1", 2, 0)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="MirroredStrategy is TensorFlow's")
def test_a_batch_that_does_not_split_is_refused():
    with pytest.raises(ValueError, match="batch of 7 does not split evenly over 2"):
        with all_devices(7, TWO_DEVICES):
            pass
