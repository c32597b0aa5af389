import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from tests.brute_force import softmax
from tests.methods.contract import MethodContract, check_linear_scores
from tests.networks import backbone, data, train


class TestHAFeature(MethodContract):
    method = "hafeature"
    learning_rate = 0.1
    epochs = 40

    def test_steps_of_xla_equal_plain_steps(self):
        """Without random pairs: TensorFlow draws other numbers under XLA than in plain graphs."""
        models = [self.one_epoch(xla, dissimilarity=0.0) for xla in (True, False)]
        images, _ = data(models[0].tree, 8)
        xla, plain = (self.scores(model, images) for model in models)
        np.testing.assert_allclose(xla, plain, rtol=2e-3, atol=2e-4)


@pytest.mark.slow
class TestTypeTwoWithOptions(TestHAFeature):
    options = {"consistency": 0.5, "margin": 0.5, "pairs": 32, "seed": 5}
    network = {"network": "II"}
    learning_rate = 0.2
    epochs = 60


def test_loss_gets_the_options(uneven_tree):
    options = {
        "dissimilarity_levels": [2, 3],
        "consistency": 0.5,
        "geometry": 0.25,
        "dissimilarity": 0.125,
        "margin": 1.0,
        "pairs": 16,
    }
    loss = kh.build(backbone(), uneven_tree, "hafeature", **options).loss
    assert {key: getattr(loss, key) for key in options} == options


@pytest.mark.slow
def test_every_training_step_shuffles_anew(tree):
    """Compiled too: the generator's state is a tracked variable of the model."""
    model = kh.build(backbone(), tree, "hafeature", hidden_units=8)
    images, labels = data(tree, 2)
    layer = model.get_layer("classifier")
    states = [np.array(ops.convert_to_numpy(layer.seed_generator.state))]
    for _ in range(3):
        model.train_on_batch(images, labels)
        states.append(np.array(ops.convert_to_numpy(layer.seed_generator.state)))
    assert len({tuple(state.tolist()) for state in states}) == 4
    model.test_on_batch(images, labels)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.seed_generator.state), states[-1])


def test_evaluation_is_repeatable(tree):
    model = kh.build(backbone(), tree, "hafeature", hidden_units=8)
    images, labels = data(tree, 3)
    first, second = (model.evaluate(images, labels, verbose=0) for _ in range(2))
    assert first == second


@pytest.mark.slow
def test_levels_come_to_agree(tree):
    """Class probabilities, summed up, approach the coarse classifier's."""
    images, labels = data(tree, 8)
    options = {"geometry": 0.0, "dissimilarity": 0.0, "hidden_units": 16}
    gaps = []
    for consistency in (0.0, 1.0):
        keras.utils.set_random_seed(3)
        model = kh.build(backbone(), tree, "hafeature", consistency=consistency, **options)
        model.optimizer.learning_rate = 0.05
        train(model, images, labels, 20)
        outputs = keras.Model.predict(model, images, verbose=0)
        fine, coarse = softmax(outputs["logits"]), softmax(outputs["logits_1"])
        gaps.append(np.abs(fine[:, :2].sum(-1) - coarse[:, 0]).mean())
    assert gaps[1] < 0.1 < gaps[0]


@pytest.mark.slow
def test_geometry_grows(tree):
    model = kh.build(backbone(), tree, "hafeature", hidden_units=16)
    images, labels = data(tree, 8)
    before = float(model(images[:2])["geometry"][0])
    model.optimizer.learning_rate = 0.1
    train(model, images, labels, 25)
    after = float(model(images[:2])["geometry"][0])
    assert after > max(before, 0.9)


def test_classifier_has_unit_rows_and_fits_the_features(tree):
    model = kh.build(backbone(), tree, "hafeature", hidden_units=24)
    rows = check_linear_scores(model, tree)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)


def test_errors(tree):
    with pytest.raises(ValueError, match="`dissimilarity_levels` must be"):
        kh.methods.get("hafeature", tree, dissimilarity_levels=[2])
    with pytest.raises(ValueError, match="`margin` must be positive and finite"):
        kh.methods.get("hafeature", tree, margin=-1.0)
