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

from keras_haframe.training.distribution import all_devices, join, process

ROOT = pathlib.Path(__file__).parents[2]
ENV = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow"}
BACKEND = keras.backend.backend()


@pytest.mark.skipif(BACKEND != "tensorflow", reason="MirroredStrategy is TensorFlow's")
@pytest.mark.slow
def test_two_devices_equal_one(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "tests.training.two_devices", str(tmp_path)],
        cwd=ROOT, env=ENV, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    assert "same on two devices" in run.stdout


def processes(folder, count, *limit):
    """Start `count` processes of a run, return the line of results of each."""
    with socket.socket() as s:
        s.bind(("localhost", 0))
        port = s.getsockname()[1]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.two_processes", str(folder), str(port),
             str(count), str(index), *limit],
            cwd=ROOT, env={**ENV, "KERAS_BACKEND": "jax"}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for index in range(count)
    ]  # fmt: skip
    lines = []
    for one in started:
        out, error = one.communicate(timeout=300)
        assert one.returncode == 0, error[-3000:]
        lines.append(next(line for line in out.splitlines() if line.startswith("RESULT")))
    return lines


def history(folder):
    rows = (folder / "history.csv").read_text().splitlines()
    return np.array([[float(v) for v in row.split(",")] for row in rows[1:]])


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
@pytest.mark.slow
def test_two_processes_equal_one_also_when_stopped(tmp_path):
    (alone,) = processes(tmp_path / "one", 1)
    assert processes(tmp_path / "two", 2, "1e-9") == ["RESULT None"] * 2
    assert processes(tmp_path / "two", 2) == [alone, alone]
    np.testing.assert_allclose(
        history(tmp_path / "two"), history(tmp_path / "one"), rtol=1e-4, atol=1e-4
    )


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
@pytest.mark.slow
def test_a_recipe_in_two_processes_equals_one_with_two_devices(tmp_path):
    """From the command line, down to the table that the first process prints.

    At a small rate: at the recipe's own, 15 steps on noise blow rounding up to a thousandth.
    """
    recipe = [
        sys.executable,
        "recipes/cifar100.py",
        "--smoke",
        "--epochs",
        "1",
        "--learning-rate",
        "1e-3",
    ]
    with socket.socket() as s:
        s.bind(("localhost", 0))
        together = ["--coordinator", f"localhost:{s.getsockname()[1]}", "--processes", "2"]
    calls = [["--output", tmp_path / "one"]]
    calls += [["--output", tmp_path / "two", *together, "--index", str(i)] for i in (0, 1)]
    started = [
        subprocess.Popen(
            [*recipe, *call], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**ENV, "KERAS_BACKEND": "jax",
                 "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"},
        )
        for call, devices in zip(calls, (2, 1, 1))
    ]  # fmt: skip
    printed = []
    for one in started:
        out, error = one.communicate(timeout=600)
        assert one.returncode == 0, error[-3000:]
        printed.append("| haframe_II + CRM |" in out)
    assert printed == [True, True, False]
    one, two = (history(tmp_path / name / "haframe_II_seed0") for name in ("one", "two"))
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
        with all_devices(7, ["CPU:0", "CPU:1"]):
            pass
