import keras
import numpy as np
import pytest

import keras_haframe as kh
from tests.brute_force import softmax
from tests.losses.twins import leaf_log_probability
from tests.methods.contract import MethodContract
from tests.networks import backbone, data


class TestConditionalSoftmax(MethodContract):
    method = "conditional_softmax"


@pytest.mark.parametrize("kind", ["tree", "uneven_tree"])
@pytest.mark.slow
def test_scores_are_log_probabilities_of_the_classes(kind, request):
    tree = request.getfixturevalue(kind)
    model = kh.build(backbone(), tree, "conditional_softmax", hidden_units=12)
    images, labels = data(tree, 2)
    model.fit(images, labels, batch_size=4, verbose=0)
    scores = model.predict(images, verbose=0)
    nodes = keras.Model.predict(model, images, verbose=0)["node_logits"].astype("float64")
    assert nodes.shape == (len(images), tree.num_nodes)
    want = [[leaf_log_probability(tree, k, row) for k in range(tree.num_classes)] for row in nodes]
    np.testing.assert_allclose(scores, want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.exp(scores), softmax(scores), rtol=1e-5)


def test_there_is_no_single_classifier_of_the_classes(tree):
    assert kh.build(backbone(), tree, "conditional_softmax").classifier_weights() is None


def test_loss_gets_the_options(tree):
    loss = kh.build(backbone(), tree, "conditional_softmax", alpha=0.3, normalize=True).loss
    assert loss.alpha == 0.3 and loss.normalize is True


def test_a_bare_log_likelihood_can_be_compiled_in(tree):
    """Scores go to losses that are not of this package."""
    model = kh.build(backbone(), tree, "conditional_softmax", hidden_units=12)
    images, labels = data(tree, 2)
    ours = model.evaluate(images, labels, verbose=0, return_dict=True)["loss"]
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    theirs = model.evaluate(images, labels, verbose=0, return_dict=True)["loss"]
    assert theirs == pytest.approx(ours, rel=1e-5)


def test_errors(tree):
    with pytest.raises(ValueError, match=r"`alpha` must be a number in \[0, inf\)"):
        kh.methods.get("conditional_softmax", tree, alpha=float("nan"))
