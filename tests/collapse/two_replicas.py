"""Run by test_callback.py: `fit` with the callback under MirroredStrategy on two CPU devices."""

import keras
import numpy as np
import tensorflow as tf

from keras_haframe.collapse import NeuralCollapse, NeuralCollapseCallback
from tests.collapse.tiny import D, K, Tiny


def main():
    (cpu,) = tf.config.list_physical_devices("CPU")
    devices = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, devices)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((48, 5)).astype("float32"), rng.integers(0, K, 48).astype("int32")
    with strategy.scope():
        model = Tiny()
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    callback = NeuralCollapseCallback((x, y), (x, y), max_share=1.0, batch_size=10)
    history = model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[callback]).history
    nc = NeuralCollapse(K, D)
    nc.update(model.feature_extractor(x, training=False), y)
    expected = nc.result(*model.classifier_weights())
    for name in ("nc1", "nc2", "nc3", "nc4"):
        for split in ("train", "test"):
            found = history[f"{split}_{name}"][-1]
            assert abs(found - expected[name]) < 1e-4 * expected[name], (name, found, expected)
    print("same on two replicas")


if __name__ == "__main__":
    main()
