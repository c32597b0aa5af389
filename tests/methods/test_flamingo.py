import keras
import numpy as np
import pytest

import keras_haframe as kh
from tests.brute_force import softmax
from tests.methods.contract import MethodContract, check_linear_scores
from tests.networks import backbone, data, train


class TestFlamingo(MethodContract):
    method = "flamingo"
    learning_rate = 0.1
    epochs = 30


@pytest.mark.slow
class TestTypeTwo(MethodContract):
    method = "flamingo"
    network = {"network": "II"}
    learning_rate = 0.1
    epochs = 40


def test_slice_widths_reach_the_head(tree):
    model = kh.build(backbone(), tree, "flamingo", hidden_units=10, slice_widths=[7, 3])
    kernels = model.get_layer("classifier").kernels
    assert [tuple(kernel.shape) for kernel in kernels] == [(10, 2), (3, 4)]
    assert model.get_config()["slice_widths"] == [7, 3]


def test_one_output_per_level_and_the_finest_makes_the_scores(uneven_tree):
    model = kh.build(backbone(), uneven_tree, "flamingo", hidden_units=12)
    images, _ = data(uneven_tree, 2)
    outputs = keras.Model.predict(model, images, verbose=0)
    widths = {name: array.shape[-1] for name, array in outputs.items()}
    assert widths == {"logits_1": 3, "logits_2": 4, "logits_3": 6, "logits": 7}
    np.testing.assert_array_equal(model.predict(images, verbose=0), outputs["logits"])


def test_classifier_fits_the_features(tree):
    model = kh.build(backbone(), tree, "flamingo", hidden_units=24)
    rows = check_linear_scores(model, tree)
    assert rows.shape == (4, 24) and not rows[:, :12].any()


@pytest.mark.slow
def test_coarse_levels_learn_too(tree):
    model = kh.build(backbone(), tree, "flamingo", hidden_units=24)
    model.optimizer.learning_rate = 0.1
    images, labels = data(tree, 8)
    train(model, images, labels, 25)
    outputs = keras.Model.predict(model, images, verbose=0)
    assert (softmax(outputs["logits_1"]).argmax(-1) == labels // 2).mean() > 0.9


def test_errors(tree, uneven_tree):
    with pytest.raises(ValueError, match="`slice_widths` must be 2 positive integers"):
        kh.build(backbone(), tree, "flamingo", slice_widths=[1])
    with pytest.raises(ValueError, match="must sum to the width of the features, 24"):
        kh.build(backbone(), tree, "flamingo", hidden_units=24, slice_widths=[1, 2])
    with pytest.raises(ValueError, match=r"at least 4 dimensions.*hidden_units"):
        kh.build(backbone(), uneven_tree, "flamingo", hidden_units=3)
