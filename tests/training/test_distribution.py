"""Several devices and two processes train as one does."""

import functools
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
from keras_haframe.results import read_scores
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


def free_port():
    with socket.socket() as s:
        s.bind(("localhost", 0))
        return s.getsockname()[1]


def together(folder, *words, devices=1):
    """The small recipe in two processes; whether each printed the table."""
    words += ("--coordinator", f"localhost:{free_port()}", "--processes", 2)
    started = [start(folder, devices, *words, "--index", i) for i in (0, 1)]
    return [finished(one) for one in started]


def same_history(one, other):
    one, other = history(one / "small_seed0"), history(other / "small_seed0")
    assert one.shape == other.shape and len(one) == 2
    np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4)


needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")


@needs_jax
@pytest.mark.slow
def test_a_recipe_in_two_processes_stopped_and_run_again_equals_one(tmp_path):
    """From the command line, down to the table; two devices each, over which the head is split."""
    split = functools.partial(together, tmp_path / "two", "--model-shards", 2, devices=2)
    assert split("--max-minutes", 1e-9) == [False, False]
    assert finished(start(tmp_path / "one", 1))
    assert split() == [True, False]
    same_history(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "two/results.csv").exists()


@needs_jax
@pytest.mark.slow
def test_tf_data_in_two_processes_and_on_four_devices_equals_one(tmp_path):
    """Shuffled and changed images, and 15 for validation, which split over nothing."""
    pytest.importorskip("tensorflow")
    words = ("--pipeline", "tf.data")
    assert finished(start(tmp_path / "one", 1, *words))
    assert together(tmp_path / "two", *words) == [True, False]
    assert finished(start(tmp_path / "four", 4, *words))
    same_history(tmp_path / "one", tmp_path / "two")
    same_history(tmp_path / "one", tmp_path / "four")
    scores = [read_scores(tmp_path / n / "small_seed0", 4)[0] for n in ("one", "two", "four")]
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(scores[2], scores[0], rtol=1e-3, atol=1e-4)


@needs_jax
@pytest.mark.slow
def test_four_devices_equal_one(tmp_path):
    """`tests.training.four_devices` says what."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.four_devices", str(tmp_path)],
        cwd=ROOT, text=True, capture_output=True, timeout=600,
        env={**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "jax",
             "XLA_FLAGS": flags(4)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


ERROR = """
import atexit, sys
from keras_haframe.training.distribution import join
join(sys.argv[1], 1, 0)
atexit.register(print, "JAX waits here for the others")
raise OSError("disk full")
"""


@needs_jax
@pytest.mark.slow
def test_an_error_ends_a_process_at_once():
    """Others that wait for its part then see that it is gone."""
    done = subprocess.run(
        [sys.executable, "-c", ERROR, f"localhost:{free_port()}"],
        cwd=ROOT, text=True, capture_output=True, timeout=600,
        env={**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "jax"},
    )  # fmt: skip
    assert done.returncode == 1 and "OSError: disk full" in done.stderr
    assert "waits" not in done.stdout


def test_one_process_by_default():
    assert process() == (0, 1)
    with all_devices(7) as count:
        assert count == 1


@pytest.mark.skipif(BACKEND == "jax", reason="JAX can")
def test_processes_need_jax():
    with pytest.raises(RuntimeError, match="KERAS_BACKEND=jax"):
        join("localhost:1", 2, 0)


@pytest.mark.skipif(BACKEND == "jax", reason="JAX can")
def test_a_split_model_needs_jax():
    with pytest.raises(ValueError, match="KERAS_BACKEND=jax.*model_shards=2"):
        with all_devices(8, model_shards=2):
            pass


@pytest.mark.skipif(BACKEND != "tensorflow", reason="MirroredStrategy is TensorFlow's")
def test_a_batch_that_does_not_split_is_refused():
    with pytest.raises(ValueError, match="batch of 7 does not split evenly over 2"):
        with all_devices(7, TWO_DEVICES):
            pass
