"""Rows of the target cosines, gathered from a table or summed over the path of the label."""

import numpy as np
import pytest
from keras import ops

from keras_haframe import frames
from keras_haframe.frames import node_weights
from keras_haframe.losses import FrameCosineLoss
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops import target_rows
from keras_haframe.tree_ops.target_rows import TargetRows
from tests.brute_force import distance, target_cosines
from tests.golden import gamma_of, golden_cases
from tests.gradients import DTYPE, assert_close
from tests.trees import random_tree


@golden_cases("golden/haframe_loss.npz", "{name}__S")
def test_golden_target_rows(golden, benchmark_tree, name):
    """The rows of the loss are the reference's similarity matrix."""
    tree, s = benchmark_tree(name), golden("golden/haframe_loss.npz")[f"{name}__S"]
    loss = FrameCosineLoss(tree, gamma_of(s, tree.distances()), dtype=DTYPE)
    assert_close(loss.targets(np.arange(tree.num_classes)), s)


@pytest.mark.parametrize("convention", ["depth", "subtree"])
def test_rows_without_a_table(uneven_tree, monkeypatch, convention):
    """Rows summed over the nodes above the label equal the rows of the dense table."""
    rng = np.random.default_rng(2)
    for tree in (uneven_tree, random_tree(rng, 40)):
        weights = node_weights.node_weights(tree, 2.0, -0.01, convention=convention)
        labels = rng.integers(0, tree.num_classes, 6)
        dense = TargetRows(tree, weights, DTYPE)
        monkeypatch.setattr(target_rows, "DENSE_LIMIT", 1)
        sparse = TargetRows(tree, weights, DTYPE)
        monkeypatch.undo()
        assert dense.table is not None
        assert sparse.table is None
        assert_close(sparse(labels), ops.convert_to_numpy(dense(labels)))
        want = target_cosines(tree, 2.0, -0.01, convention)[labels]
        assert_close(dense(labels), want)
        shared, own = np.arange(3), rng.integers(0, tree.num_classes, (6, 4))
        for rows in (dense, sparse):
            assert_close(rows.at(ops.convert_to_tensor(labels), shared), want[:, :3])
            found = rows.at(ops.convert_to_tensor(labels), ops.convert_to_tensor(own))
            assert_close(found, np.take_along_axis(want, own, axis=1))


def test_five_thousand_classes():
    """Beyond 2048 classes there is no K x K table, and the rows are still the targets."""
    rng = np.random.default_rng(3)
    edges = [("root", f"g{g}") for g in range(20)]
    edges += [(f"g{g // 5}", f"h{g}") for g in range(100)]
    edges += [(f"h{g}", f"chain{g}") for g in range(100)]
    edges += [
        ((f"chain{c % 100}", f"h{c % 100}", f"g{c % 20}")[c % 3], f"c{c}") for c in range(5000)
    ]
    tree = ClassTree(edges, [f"c{c}" for c in rng.permutation(5000)])
    loss = FrameCosineLoss(tree, 3.0, min_similarity="exact", reduction="none")
    assert loss.targets.table is None
    labels = np.array([0, 4999, 17, 2500])
    s_min = frames.min_similarity(tree, 3.0)
    d_max = tree.distances().max()
    rows = ops.convert_to_numpy(loss.targets(labels))
    dense = (1 - s_min) * np.exp(-3.0 * tree.distances()[labels] / d_max) + s_min
    np.testing.assert_allclose(rows, dense, atol=1e-6)
    for b, k in ((0, 1), (1, 0), (2, 2500), (3, 3), (0, 0)):  # and by walking the tree
        d = distance(tree, int(labels[b]), k)
        np.testing.assert_allclose(
            rows[b, k], (1 - s_min) * np.exp(-3.0 * d / d_max) + s_min, atol=1e-6
        )
    cosines = rng.uniform(-1, 1, (4, 5000)).astype("float32")
    expected = ((cosines - dense) ** 2).sum(1)
    np.testing.assert_allclose(ops.convert_to_numpy(loss(labels, cosines)), expected, rtol=1e-4)
