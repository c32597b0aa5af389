"""A few training steps whose losses no random number of the backend decides."""

import json

import keras
import numpy as np

import keras_haframe as kh
from keras_haframe.models import MAE, ViT
from keras_haframe.training import GroupedAdamW
from keras_haframe.training.distribution import all_devices


def randomize(model, seed=0):
    rng = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign(0.3 * rng.normal(size=weight.shape))


def classifier_losses(method="haframe", **options):
    tree = kh.ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    net = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(6, 3, activation="relu")])
    x = np.random.default_rng(0).normal(size=(12, 8, 8, 3)).astype("float32")
    model = kh.build(net, tree, method, **options)
    randomize(model)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), metrics=[])
    fitted = model.fit(x, np.arange(12) % 4, epochs=3, batch_size=12, shuffle=False, verbose=0)
    return fitted.history["loss"]


def mae_losses(devices=None, several=True):
    """On all devices, or if not `several`, on one."""
    images = np.random.default_rng(0).normal(size=(8, 8, 8, 3)).astype("float32")

    def losses():
        mae = MAE(
            ViT((8, 8, 3), (8, 2, 2), 2), sampling="grid", decoder_width=8, decoder_depth=1,
            decoder_heads=2,
        )  # fmt: skip
        randomize(mae)
        mae.compile(GroupedAdamW(0.01, 0.1, {"blocks_0": 0.5}))
        return mae.fit(images, batch_size=8, epochs=3, shuffle=False, verbose=0).history["loss"]

    if not several:
        return losses()
    with all_devices(8, devices) as count:
        assert count == 2 or devices is None
        return losses()


LOSSES = {
    "dense": lambda: classifier_losses(alpha=0.5),
    "structured": lambda: classifier_losses(frame="structured"),
    "cross-entropy": lambda: classifier_losses("cross_entropy", network="II"),
    "mae": lambda: mae_losses(several=False),
}


def main():
    losses = {name: one() for name, one in LOSSES.items()}
    losses["one device"] = losses["mae"]
    losses["two devices"] = mae_losses()
    print(json.dumps(losses))


if __name__ == "__main__":
    main()
