"""A small model with batch normalization and without dropout, for equality across devices."""

import keras

import keras_haframe as kh
from keras_haframe.training import papers_sgd


def make_model(synchronized=False):
    tree = kh.ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3)(images)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(synchronized=synchronized)(x))
    model = kh.build(keras.Model(images, x), tree, network="II", synchronized=synchronized)
    model.compile(
        papers_sgd(model, 0.05),
    )
    return model
