import numpy as np
import pytest

import keras_haframe as kh
from tests.methods.contract import MethodContract
from tests.networks import backbone, data, train


class TestNTCE(MethodContract):
    method = "ntce"
    options = {"temperature": 0.5}  # 0.1 makes steep gradients


@pytest.mark.slow
@pytest.mark.parametrize("against", ["batch", "others", "frame"])
def test_training_turns_features_to_their_class_vector(tree, against):
    model = kh.build(backbone(), tree, "ntce", against=against)
    images, labels = data(tree, 8)

    def right(model):
        return float((model.predict(images, verbose=0).argmax(1) == labels).mean())

    model.optimizer.learning_rate = 0.01
    train(model, images, labels, 30)
    assert right(model) > 0.9


def test_frame_is_the_one_of_haframe(tree):
    ntce = kh.build(backbone(), tree, "ntce", gamma=1.5, seed=3)
    haframe = kh.build(backbone(), tree, "haframe", gamma=1.5, seed=3)
    np.testing.assert_array_equal(ntce.classifier_weights()[0], haframe.classifier_weights()[0])


def test_errors(tree):
    with pytest.raises(ValueError, match="temperature"):
        kh.methods.get("ntce", tree, temperature=0)
