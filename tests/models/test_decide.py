"""`model.decide`: decisions straight from images."""

import keras
import numpy as np

import keras_haframe as kh


def test_decide_is_decide_of_the_probabilities(tree):
    net = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    model = kh.build(net, tree, "cross_entropy")
    images = np.random.default_rng(0).normal(size=(20, 8, 8, 3)).astype("float32") * 5
    found = model.decide(images, floor=0.4, allowed=["land"], batch_size=20)
    p = model.predict_proba(images, batch_size=20, verbose=0)
    expected = kh.decide(p, tree, floor=0.4, allowed=["land"])
    assert found.reason == expected.reason and found.name == expected.name
