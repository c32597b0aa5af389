"""Run by test_mae_devices.py: MAE on two CPU devices has the losses that it has on one."""

import contextlib
import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"  # JAX's; read when it starts

import keras
import numpy as np

from keras_haframe.models import MAE, ViT
from keras_haframe.training import GroupedAdamW
from keras_haframe.training.distribution import all_devices

IMAGES = np.random.default_rng(0).normal(size=(16, 8, 8, 3)).astype("float32")


def losses(scope) -> list[float]:
    """With masks that no random number decides."""
    keras.utils.set_random_seed(0)
    with scope:
        mae = MAE(
            ViT((8, 8, 3), (8, 2, 2), 2), sampling="grid", decoder_width=8, decoder_depth=1,
            decoder_heads=2,
        )  # fmt: skip
        mae.compile(GroupedAdamW(0.01, 0.1, {"blocks_0": 0.5}))
        return mae.fit(IMAGES, batch_size=8, epochs=3, shuffle=False, verbose=0).history["loss"]


def main():
    devices = None
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        devices = ["CPU:0", "CPU:1"]
    one = losses(contextlib.nullcontext())
    with all_devices(8, devices) as count:
        assert count == 2, count
        two = losses(contextlib.nullcontext())
    np.testing.assert_allclose(two, one, rtol=1e-4)
    assert one[-1] < one[0]
    print("same on two devices")


if __name__ == "__main__":
    main()
