import keras
import pytest

import keras_haframe as kh
from tests.losses import twins
from tests.methods.contract import MethodContract, check_linear_scores
from tests.networks import backbone, data, train


class TestCPCC(MethodContract):
    method = "cpcc"


@pytest.mark.slow
class TestTypeTwo(MethodContract):
    method = "cpcc"
    options = {"weight": 0.3}
    network = {"network": "II"}


@pytest.mark.slow
def test_training_arranges_class_means_like_the_tree(tree):
    """Against cross-entropy alone, from the same start."""
    images, labels = data(tree, 8)
    correlations = []
    for weight in (0.0, 1.0):
        keras.utils.set_random_seed(2)
        model = kh.build(backbone(), tree, "cpcc", weight=weight, hidden_units=24)
        model.optimizer.learning_rate = 0.05
        train(model, images, labels, 30)
        correlations.append(twins.cpcc(model.features(images), labels, tree.distances()))
    assert correlations[1] > 0.95
    assert correlations[1] > correlations[0] + 0.05


def test_classifier_fits_the_features(tree):
    check_linear_scores(kh.build(backbone(), tree, "cpcc", hidden_units=24), tree)


def test_errors(tree):
    with pytest.raises(ValueError, match="weight"):
        kh.methods.get("cpcc", tree, weight=-1)
