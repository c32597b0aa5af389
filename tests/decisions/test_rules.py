"""The list of decision rules, and a rule from outside the package."""

import numpy as np
import pytest

from keras_haframe import decisions
from keras_haframe.decisions import rules
from tests.brute_force import softmax


@pytest.fixture
def squared():
    """A rule of one's own; gone again after the test."""

    @decisions.register("squared")
    def squared(probabilities, tree):
        return probabilities**2

    yield squared
    del rules._RULES["squared"]


def test_every_rule_is_public():
    assert decisions.names() == ["CRM", "HiE"]
    assert {rules._RULES[name].__name__ for name in decisions.names()} <= set(decisions.__all__)


def test_rescore_takes_the_scores_of_predict(tree):
    scores = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    p = softmax(scores)
    np.testing.assert_array_equal(decisions.rescore(scores, tree), scores)
    risk = -p @ tree.distances()
    np.testing.assert_allclose(decisions.rescore(scores, tree, "CRM"), risk, rtol=1e-5)
    parents = p.reshape(5, 2, 2).sum(2).repeat(2, axis=1)  # land, land, air, air
    expected = p * parents / (p * parents).sum(1, keepdims=True)
    found = decisions.rescore(scores, tree.get_config(), "HiE")
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_rule_of_ones_own(tree, squared):
    assert decisions.names() == ["CRM", "HiE", "squared"]
    scores = np.random.default_rng(1).normal(size=(3, 4))
    expected = softmax(scores) ** 2
    np.testing.assert_allclose(decisions.rescore(scores, tree, "squared"), expected, rtol=1e-5)


def test_two_rules_of_one_name(squared):
    with pytest.raises(ValueError, match="Two decision rules are named 'CRM'"):
        decisions.register("CRM")(squared)
    assert decisions.register("squared")(squared) is squared  # imported twice


def test_unknown_rules_and_probabilities(tree):
    with pytest.raises(ValueError, match=r"rule 'CRN'. Did you mean 'CRM'\? Choose from"):
        decisions.rescore(np.zeros((1, 4)), tree, "CRN")
    with pytest.raises(ValueError, match=r"probabilities already\. Pass `model\.predict"):
        decisions.rescore(np.full((2, 4), 0.25), tree, "CRM")
