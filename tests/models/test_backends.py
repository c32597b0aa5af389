"""One training step gives the same losses on TensorFlow, JAX and PyTorch."""

import importlib.util
import os
import subprocess
import sys

import pytest

STEP = """
import keras, numpy as np
import keras_haframe as kh

tree = kh.ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
net = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(6, 3, activation="relu")])
rng = np.random.default_rng(0)
x, y = rng.normal(size=(12, 8, 8, 3)).astype("float32"), np.arange(12) % 4
for options in ({"alpha": 0.5}, {"structured": True}, {"method": "cross_entropy", "network": "II"}):
    model = kh.build(net, tree, **options)
    for weight in model.trainable_variables:
        weight.assign(0.3 * rng.normal(size=weight.shape))
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9))
    losses = model.fit(x, y, epochs=3, batch_size=12, shuffle=False, verbose=0).history["loss"]
    print("LOSSES", *losses)
"""


def losses_on(backend: str) -> list[float]:
    run = subprocess.run(
        [sys.executable, "-c", STEP], capture_output=True, text=True, timeout=600,
        env={**os.environ, "KERAS_BACKEND": backend},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    lines = [line for line in run.stdout.splitlines() if line.startswith("LOSSES")]
    return [float(v) for line in lines for v in line.split()[1:]]


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.slow
def test_same_losses_as_tensorflow(backend):
    for module in ("tensorflow", backend):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    reference, other = losses_on("tensorflow"), losses_on(backend)
    assert len(reference) == 9 and reference[2] < reference[0]
    assert other == pytest.approx(reference, rel=1e-4)


BLOCKED = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "tensorflow_datasets"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.split(".")[0])

sys.meta_path.insert(0, Block())
"""


@pytest.mark.slow
def test_jax_needs_no_tensorflow():
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    run = subprocess.run(
        [sys.executable, "-c", BLOCKED + STEP], capture_output=True, text=True, timeout=600,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]


def test_import_without_a_backend_says_what_to_install():
    run = subprocess.run(
        [sys.executable, "-c", BLOCKED + "import keras_haframe"], capture_output=True, text=True,
        timeout=600, env={**os.environ, "KERAS_BACKEND": "tensorflow"},
    )  # fmt: skip
    assert run.returncode != 0
    assert "keras_haframe[tensorflow-cpu]" in run.stderr
