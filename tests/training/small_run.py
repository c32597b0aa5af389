"""A small resumable run: python small_run.py FOLDER EPOCHS [KILL_AT_STEP [SAVE_EVERY]]."""

import os
import signal
import sys
import time

import keras
import numpy as np

import keras_haframe as kh
from keras_haframe.data import ArrayBatches, Augmentation
from keras_haframe.training.optimizer import papers_sgd
from keras_haframe.training.runner import run
from keras_haframe.training.schedules import epoch_cosine


def data(n=96):
    rng = np.random.default_rng(0)
    patterns = rng.normal(size=(4, 8, 8, 3))
    labels = np.arange(n) % 4
    return (patterns[labels] + rng.normal(size=(n, 8, 8, 3))).astype("float32"), labels


def make_model(method="haframe"):
    """With everything that has a state: batch normalization, dropout, momentum."""
    tree = kh.ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, activation="relu")(images)
    x = keras.layers.Dropout(0.3)(kh.layers.BatchNormalization(momentum=0.9)(x))
    model = kh.build(keras.Model(images, x), tree, method, network="II")
    model.compile(papers_sgd(model, 0.05))
    return model


class KillAt(keras.callbacks.Callback):
    """`kill -9` in the middle of an epoch."""

    def __init__(self, step: int):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        self.step -= 1
        if self.step < 3:
            time.sleep(0.7)  # a save of a step is on the disk
        if self.step == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def small_run(folder, epochs, callbacks=(), method="haframe", **options):
    images, labels = data()
    train = ArrayBatches(
        images[:64], labels[:64], 8, 0, Augmentation("pad_and_crop", pad_mode="reflect")
    )
    schedule = epoch_cosine(0.05, epochs)
    return run(
        lambda: make_model(method), train.from_epoch, (images[80:], labels[80:]), epochs, folder,
        callbacks=lambda: [schedule, *callbacks], verbose=0,
        **{"validation": (images[64:80], labels[64:80]), **options},
    )  # fmt: skip


if __name__ == "__main__":
    kill = [KillAt(int(sys.argv[3]))] if len(sys.argv) > 3 and sys.argv[3] != "0" else []
    every = sys.argv[4] if len(sys.argv) > 4 else None
    print(small_run(sys.argv[1], int(sys.argv[2]), kill, save_every=every))
