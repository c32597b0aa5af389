"""Weights of the edges of a path."""

import numpy as np
import pytest

from keras_haframe.losses.edge_weighted_loss import edge_weights
from tests.trees import TREES


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("kind", TREES)
def test_every_edge_weighs_by_the_depth_of_its_lower_end(kind, normalize):
    tree = TREES[kind]()
    total = sum(np.exp(-0.3 * (len(tree.path(n)) - 1)) for n in tree.nodes) if normalize else 1.0
    want = np.zeros((tree.num_classes, tree.height))
    for label in range(tree.num_classes):
        for depth in range(1, len(tree.path(label))):
            want[label, depth - 1] = np.exp(-0.3 * depth) / total
    np.testing.assert_allclose(edge_weights(tree, 0.3, normalize), want, rtol=1e-12)


def test_by_hand(tree):
    # depths: root 0, two parents 1, four classes 2; weights 1/2 and 1/4 over 1 + 2/2 + 4/4
    np.testing.assert_allclose(edge_weights(tree, np.log(2), False), [[1 / 2, 1 / 4]] * 4)
    np.testing.assert_allclose(edge_weights(tree, np.log(2), True), [[1 / 6, 1 / 12]] * 4)


def test_alpha_zero_weighs_all_nodes_alike(uneven_tree):
    weights = edge_weights(uneven_tree, 0.0, True)
    assert set(np.round(weights[weights > 0] * uneven_tree.num_nodes, 12)) == {1.0}
    assert (weights > 0).sum(1).tolist() == uneven_tree.depths[:7].tolist()
