"""A few training steps give the same losses on TensorFlow, JAX and PyTorch, and on two devices."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import keras
import pytest

from tests.devices import TWO_DEVICES, flags
from tests.models import steps

ROOT = pathlib.Path(__file__).parents[2]
BACKEND = keras.backend.backend()
BLOCKED = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "tensorflow_datasets"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.split(".")[0])

sys.meta_path.insert(0, Block())
"""


def python(code: str, backend: str) -> subprocess.CompletedProcess:
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    env = {"KERAS_BACKEND": backend, "XLA_FLAGS": flags(2), "PYTHONPATH": paths}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600,
        env={**os.environ, **env},
    )  # fmt: skip


@pytest.fixture(scope="module")
def reference():
    return {name: one() for name, one in steps.LOSSES.items()}


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the others are compared with TensorFlow")
@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.slow
def test_same_losses_as_tensorflow_and_without_it(reference, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    block = BLOCKED if backend == "jax" else ""  # parts of PyTorch look for TensorFlow
    run = python(f"{block}\nfrom tests.models import steps\nsteps.main()", backend)
    assert run.returncode == 0, run.stderr[-3000:]
    other = json.loads(run.stdout.splitlines()[-1])
    for name, losses in reference.items():
        assert losses[2] < losses[0], name
        assert other[name] == pytest.approx(losses, rel=1e-4), name
    if backend == "jax":
        assert other["two devices"] == pytest.approx(other["one device"], rel=1e-4)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="MirroredStrategy is TensorFlow's")
@pytest.mark.slow
def test_mae_on_two_devices_equals_one():
    one, two = (steps.mae_losses(devices) for devices in (None, TWO_DEVICES))
    assert two == pytest.approx(one, rel=1e-4) and one[-1] < one[0]


def test_import_without_a_backend_says_what_to_install():
    run = python(BLOCKED + "import keras_haframe", "tensorflow")
    assert run.returncode != 0
    assert "keras_haframe[tensorflow-cpu]" in run.stderr
