"""MAE under MirroredStrategy, on two JAX devices, and the same losses on every backend."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
STEP = """
import keras, numpy as np
from keras_haframe.models import MAE, ViT

mae = MAE(
    ViT((8, 8, 3), (8, 2, 2), 2), sampling="grid", decoder_width=8, decoder_depth=1,
    decoder_heads=2,
)
rng = np.random.default_rng(0)
for weight in mae.trainable_variables:
    weight.assign(0.3 * rng.normal(size=weight.shape))
images = rng.normal(size=(8, 8, 8, 3)).astype("float32")
mae.compile(keras.optimizers.SGD(0.1))
print("LOSSES", *mae.fit(images, batch_size=8, epochs=3, verbose=0).history["loss"])
"""


def run(backend, *command):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=600,
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": paths},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_equal_one(backend):
    assert "same on two devices" in run(backend, "-m", "tests.models.mae_two_devices")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_same_losses_as_tensorflow(backend):
    outs = [run(name, "-c", STEP).split("LOSSES")[1] for name in (backend, "tensorflow")]
    other, reference = ([float(v) for v in out.split()] for out in outs)
    assert len(reference) == 3 and reference[2] < reference[0]
    assert other == pytest.approx(reference, rel=1e-4)
