import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from tests.brute_force import softmax
from tests.methods.contract import MethodContract
from tests.networks import backbone, data, train


class TestSoftLabels(MethodContract):
    method = "soft_labels"


@pytest.mark.slow
def test_predictions_approach_the_targets(tree):
    images, labels = data(tree, 8)
    model = kh.build(backbone(), tree, "soft_labels", beta=4.0, form="kl", hidden_units=24)
    model.optimizer.learning_rate = 0.2
    train(model, images, labels, 60)
    probabilities = softmax(model.predict(images, verbose=0))
    targets = ops.convert_to_numpy(model.loss.targets(ops.convert_to_tensor(labels)))
    assert np.abs(probabilities - targets).mean() < 0.05
    # Siblings come second, as in no one-hot training.
    assert (np.argsort(probabilities, -1)[:, -2] == labels ^ 1).mean() > 0.9


def test_loss_gets_the_options(tree):
    loss = kh.build(backbone(), tree, "soft_labels", beta=7, form="kl").loss
    assert loss.beta == 7.0 and loss.form == "kl"


@pytest.mark.slow
def test_sharp_targets_train_like_cross_entropy(tree):
    images, labels = data(tree, 4)
    scores = []
    for method, options in [("cross_entropy", {}), ("soft_labels", {"beta": 1000.0})]:
        keras.utils.set_random_seed(0)
        model = kh.build(backbone(), tree, method, hidden_units=12, **options)
        model.fit(images, labels, batch_size=8, epochs=2, shuffle=False, verbose=0)
        scores.append(model.predict(images, verbose=0))
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-3, atol=1e-4)


def test_errors(tree):
    with pytest.raises(ValueError, match=r"`beta` must be positive and finite.*one-hot"):
        kh.methods.get("soft_labels", tree, beta=0)
    with pytest.raises(ValueError, match="`form` must be one of"):
        kh.methods.get("soft_labels", tree, form="sum")
