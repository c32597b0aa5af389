"""Run by test_optimizer.py: two CPU replicas take the steps that one takes on the whole batch."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import contextlib

import keras
import numpy as np
import tensorflow as tf

import keras_haframe as kh
from keras_haframe.training import papers_sgd

STEPS, BATCH = 3, 8


def trained(scope, synchronized, method, x, y):
    """Trainable weights after a few steps, and how many normalizations are synchronized."""
    keras.utils.set_random_seed(0)
    tree = kh.ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    with scope:
        net = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.Conv2D(5, 3, name="stem")])
        model = kh.build(net, tree, method, synchronized=synchronized)
        model.compile(papers_sgd(model))
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH)
    model.fit(batches, epochs=1, verbose=0)
    return [v.numpy() for v in model.trainable_variables], model


def main():
    (cpu,) = tf.config.list_physical_devices("CPU")
    devices = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, devices)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((STEPS * BATCH, 6, 6, 3)).astype("float32")
    x *= np.where(np.arange(len(x)) % BATCH < BATCH // 2, 0.5, 2.0)[:, None, None, None]
    y = rng.integers(0, 4, len(x)).astype("int32")
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2
    for method in ("haframe", "label_embeddings"):
        one, _ = trained(contextlib.nullcontext(), False, method, x, y)
        two, model = trained(strategy.scope(), True, method, x, y)
        for a, b, v in zip(one, two, model.trainable_variables):
            assert np.abs(a - b).max() < 1e-4 * max(1.0, np.abs(a).max()), (method, v.path)
        apart, _ = trained(strategy.scope(), False, method, x, y)
        assert max(np.abs(a - b).max() for a, b in zip(one, apart)) > 1e-2, method
    print("same on two replicas")


if __name__ == "__main__":
    main()
