"""The sum of cross-entropies over levels, against a twin that walks the paths by name."""

import numpy as np
import pytest

from keras_haframe.losses import CrossEntropy, LevelCrossEntropy
from tests.brute_force import level_names, log_softmax
from tests.gradients import RTOL, assert_close, gradients
from tests.losses.contract import LossContract
from tests.losses.twins import level_outputs


class TestContract(LossContract):
    def weights(self, tree):
        return None

    def make(self, tree, **kwargs):
        return LevelCrossEntropy(tree, weights=self.weights(tree), **kwargs)

    def outputs(self, tree, rng, batch, scale=1.0):
        return level_outputs(tree, rng, batch, scale)

    def twin(self, tree, labels, outputs):
        each = []
        for i, label in enumerate(labels):
            loss = 0.0
            for level, logits in enumerate(outputs.values(), 1):
                names = level_names(tree, level)
                own = list(dict.fromkeys(names)).index(names[label])
                weight = self.weights(tree)[level - 1] if self.weights(tree) else 1.0
                loss -= weight * log_softmax(logits[i])[own]
            each.append(loss)
        return np.array(each)


class TestWeighted(TestContract):
    def weights(self, tree):
        return [0.5 * level for level in range(tree.height)]


def test_worked_tree_by_hand(tree):
    outputs = {
        "logits_1": np.log([[0.75, 0.25]]).astype("float32"),
        "logits": np.log([[0.1, 0.2, 0.3, 0.4]]).astype("float32"),
    }
    loss = LevelCrossEntropy(tree)
    assert float(loss([3], outputs)) == pytest.approx(-np.log(0.25) - np.log(0.4), rel=1e-5)
    assert float(LevelCrossEntropy(tree, weights=[0, 2])([3], outputs)) == pytest.approx(
        -2 * np.log(0.4), rel=1e-5
    )


def test_terms_are_the_plain_cross_entropies(uneven_tree):
    rng = np.random.default_rng(0)
    outputs = {k: v.astype("float32") for k, v in level_outputs(uneven_tree, rng, 5).items()}
    labels = np.array([0, 2, 3, 6, 6], "int32")
    terms = LevelCrossEntropy(uneven_tree).terms(labels, outputs)
    assert len(terms) == uneven_tree.height
    assert_close(terms[-1], CrossEntropy(reduction=None)(labels, outputs["logits"]), RTOL)


def test_levels_with_weight_zero_get_no_gradient(tree):
    outputs = level_outputs(tree, np.random.default_rng(1), 3)
    loss = LevelCrossEntropy(tree, weights=[0, 1])
    arrays = [np.float32(v) for v in outputs.values()]
    found = gradients(lambda *g: loss([0, 1, 2], dict(zip(outputs, g))), arrays)
    assert not found[0].any() and found[1].any()


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, float("nan")], [1, 1, 1]])
def test_bad_weights(tree, weights):
    with pytest.raises(ValueError, match=r"`weights` must be 2 numbers in \[0, inf\).*Received"):
        LevelCrossEntropy(tree, weights=weights)


def test_missing_level(tree):
    with pytest.raises(ValueError, match=r"\['logits_1', 'logits'\].*Received: \['logits'\]"):
        LevelCrossEntropy(tree)([0], {"logits": np.zeros((1, 4))})


def test_bare_logits(tree):
    with pytest.raises(ValueError, match="LevelCrossEntropy takes a dictionary"):
        LevelCrossEntropy(tree)([0], np.zeros((1, 4)))


def test_swapped_levels(tree):
    outputs = {"logits": np.zeros((1, 2)), "logits_1": np.zeros((1, 4))}
    with pytest.raises(
        ValueError, match=r"'logits' must have shape \[batch, 4\].*Received shape: \(1, 2\)"
    ):
        LevelCrossEntropy(tree)([0], outputs)
