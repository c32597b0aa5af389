"""HACE's loss against a twin with loops and hand-computed values."""

import numpy as np
import pytest
from keras import ops

from keras_haframe.losses import NodeMassLoss
from tests.losses.contract import LossContract


def below(tree, node):
    """The node and all below it, by its parents alone."""
    found = []
    for n in range(tree.num_nodes):
        m = n
        while m != node and tree.parents[m] >= 0:
            m = int(tree.parents[m])
        if m == node:
            found.append(n)
    return found


class TestContract(LossContract):
    decay = 0.5

    def make(self, tree, **kwargs):
        return NodeMassLoss(tree, decay=self.decay, **kwargs)

    def outputs(self, tree, rng, batch, scale=1.0):
        return {"node_logits": scale * rng.normal(size=(batch, tree.num_nodes))}

    def twin(self, tree, labels, outputs):
        each = []
        for label, row in zip(labels, outputs["node_logits"]):
            p = np.exp(row - row.max())
            p /= p.sum()
            path = [tree.index(name) for name in tree.path(int(label))[1:]]
            weights = [self.decay ** (len(path) - 1 - i) for i in range(len(path))]
            losses = [-np.log(p[below(tree, v)].sum() + 1e-6) for v in path]
            each.append(np.dot(weights, losses) / sum(weights))
        return np.array(each)


class TestEven(TestContract):
    decay = 1.0


def test_by_hand(tree):
    """2/3 on the class, 1/3 on its parent; the parent's own probability counts for the parent."""
    logits = np.full((1, 7), -1e9, "float32")
    logits[0, tree.index("land")] = 0.0
    found = float(NodeMassLoss(tree)([0], logits))
    assert found == pytest.approx(-2 / 3 * np.log(1e-6), rel=1e-5)
    logits[0, 0] = 0.0  # car: half; land: all
    assert float(NodeMassLoss(tree)([0], logits)) == pytest.approx(2 / 3 * np.log(2), rel=1e-4)


def test_masses_are_sums_over_subtrees(uneven_tree):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, uneven_tree.num_nodes)).astype("float32")
    masses = ops.convert_to_numpy(NodeMassLoss(uneven_tree).masses(ops.convert_to_tensor(logits)))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for node in range(uneven_tree.num_nodes):
        np.testing.assert_allclose(masses[node], p[:, below(uneven_tree, node)].sum(1), rtol=1e-5)


@pytest.mark.parametrize("decay", [0.0, -1.0, 1.5, float("nan")])
def test_decay_out_of_range(tree, decay):
    with pytest.raises(ValueError, match="`decay` must be above 0 and at most 1"):
        NodeMassLoss(tree, decay=decay)
