import numpy as np
import pytest

import keras_haframe as kh
from tests.methods.contract import MethodContract
from tests.networks import backbone, data, train


class TestHAFrameDotRegression(MethodContract):
    method = "haframe_dr"


@pytest.mark.slow
class TestWithCrossEntropy(MethodContract):
    method = "haframe_dr"
    options = {"cross_entropy": 0.5, "lengths": "batch", "gamma": 2.0, "min_similarity": "exact"}


def test_frame_is_the_one_of_haframe(tree):
    dr = kh.build(backbone(), tree, "haframe_dr", gamma=1.5, seed=3)
    haframe = kh.build(backbone(), tree, "haframe", gamma=1.5, seed=3)
    np.testing.assert_array_equal(dr.classifier_weights()[0], haframe.classifier_weights()[0])
    assert dr.method.options()["gamma"] == 1.5


@pytest.mark.slow
def test_structured_frame(uneven_tree):
    model = kh.build(backbone(), uneven_tree, "haframe_dr", frame="structured")
    images, labels = data(uneven_tree, 2)
    model.fit(images, labels, batch_size=7, verbose=0)
    assert np.isfinite(model.predict(images, verbose=0)).all()


@pytest.mark.slow
def test_training_turns_features_to_their_class_vector(tree):
    model = kh.build(backbone(), tree, "haframe_dr", network="II")
    images, labels = data(tree, 8)

    def cosines(model):
        features, (rows, _) = model.features(images), model.classifier_weights()
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        return np.sum(unit * rows[labels], axis=1)

    before = cosines(model)
    model.optimizer.learning_rate = 0.05
    train(model, images, labels, 40)
    after = cosines(model)
    # Slow near the end: the gradient fades with the third power of the angle.
    assert after.mean() > 0.8 and after.mean() > before.mean() + 0.2


def test_errors(tree):
    with pytest.raises(ValueError, match="one number per class, 4"):
        kh.methods.get("haframe_dr", tree, lengths=[1.0])
    with pytest.raises(ValueError, match="cross_entropy"):
        kh.methods.get("haframe_dr", tree, cross_entropy=-1.0)
    with pytest.raises(ValueError, match="gamma"):
        kh.build(backbone(), tree, "haframe_dr", gamma=-1)
