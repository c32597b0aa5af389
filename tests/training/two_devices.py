"""Run by test_distribution.py: a resumable run on two logical CPU devices equals one on one."""

import pathlib
import sys

import numpy as np
import tensorflow as tf

from keras_haframe.data import ArrayBatches
from keras_haframe.training import epoch_cosine, run
from keras_haframe.training.distribution import all_devices
from tests.training.small_run import data
from tests.training.two_devices_model import make_model


def history(folder, devices, max_minutes=None):
    images, labels = data()
    with all_devices(16, devices) as count:
        result = run(
            lambda: make_model(count > 1), ArrayBatches(images[:64], labels[:64], 16).from_epoch,
            (images[80:], labels[80:]), 3, folder, validation=(images[64:80], labels[64:80]),
            callbacks=lambda: [epoch_cosine(0.05, 3)], max_minutes=max_minutes, verbose=0,
        )  # fmt: skip
    rows = (folder / "history.csv").read_text().splitlines()
    return count, result, np.array([[float(v) for v in row.split(",")] for row in rows[1:]])


def main(folder):
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    one, _, alone = history(folder / "one", None)
    two, result, both = history(folder / "two", ["CPU:0", "CPU:1"])
    assert (one, two) == (1, 2)
    np.testing.assert_allclose(both, alone, rtol=1e-4, atol=1e-4)
    # stopped and resumed on two devices
    for _ in range(2):
        assert history(folder / "parts", ["CPU:0", "CPU:1"], 1e-9)[1] is None
    _, again, parts = history(folder / "parts", ["CPU:0", "CPU:1"], 1e-9)
    np.testing.assert_array_equal(parts, both)
    assert again["top1"] == result["top1"]
    print("same on two devices")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
