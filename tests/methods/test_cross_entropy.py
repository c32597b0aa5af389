import keras
import numpy as np
import pytest

import keras_haframe as kh
from tests.methods.contract import MethodContract
from tests.networks import backbone, data


@pytest.mark.slow
class TestTypeOne(MethodContract):
    method = "cross_entropy"


class TestTypeTwo(MethodContract):
    method = "cross_entropy"
    network = {"network": "II"}


def test_loss_is_that_of_keras(tree):
    model = kh.build(backbone(), tree, "cross_entropy", hidden_units=24)
    images, labels = data(tree, 3)
    logits = model.predict(images, verbose=0)
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, logits)
    got = model.evaluate(images, labels, verbose=0, return_dict=True)["loss"]
    np.testing.assert_allclose(got, float(expected), rtol=1e-5)


@pytest.mark.slow
def test_knows_no_tree(tree):
    """Another tree over the same classes changes neither loss nor scores."""
    flat = kh.ClassTree([("root", name) for name in tree.leaves], tree.leaves)
    images, labels = data(tree, 3)
    scores = []
    for t in (tree, flat):
        keras.utils.set_random_seed(0)
        model = kh.build(backbone(), t, "cross_entropy", hidden_units=24)
        model.fit(images, labels, batch_size=6, shuffle=False, verbose=0)
        scores.append(model.predict(images, verbose=0))
    np.testing.assert_array_equal(*scores)
