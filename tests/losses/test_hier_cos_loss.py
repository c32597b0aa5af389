import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.losses import HierCosLoss
from keras_haframe.losses.hier_cos_loss import path_targets
from keras_haframe.tree_ops.path_lengths import path_lengths
from tests.golden import golden_cases, numbered_tree
from tests.gradients import DTYPE, assert_close, gradient
from tests.losses.checks import check_finite, check_loss, extremes
from tests.trees import random_tree


def path(tree, k):
    """Numbers of the nodes from below the root down to class k."""
    nodes = []
    while tree.parents[k] >= 0:
        nodes.append(int(k))
        k = tree.parents[k]
    return nodes[::-1]


def twin(x, tree, labels, alpha):
    a = np.abs(x)
    total = 0.0
    for b, y in enumerate(labels):
        nodes = path(tree, y)
        share = np.array([np.exp(2 / (len(nodes) + 1 - step)) for step in range(1, len(nodes) + 1)])
        share /= share.sum()
        log_p = a[b] - np.log(np.exp(a[b]).sum())
        total += sum(s * (np.log(s) - log_p[n]) for s, n in zip(share, nodes)) / len(labels)
    for depth in range(1, tree.height + 1):
        axes = [n for n in range(tree.num_nodes - 1) if len(path(tree, n)) == depth]
        there = [b for b, y in enumerate(labels) if len(path(tree, y)) >= depth]
        rest = [b for b in range(len(labels)) if b not in there]
        for b in there:
            own, norm = path(tree, labels[b])[depth - 1], np.sqrt(sum(x[b, n] ** 2 for n in axes))
            wrong = sum(abs((n == own) - a[b, n] / norm) for n in axes)
            total += alpha * wrong / len(there)
        for b in rest:
            total += alpha * sum(a[b, n] for n in axes) / len(rest)
    return total


def golden_axes(g, tree):
    """The place of each of our axes among the reference's coordinates."""
    place = {str(node): i for i, node in enumerate(g["node_of_coord"])}
    return np.array([place[name] for name in tree.nodes[:-1]])


def skipped_by_the_reference(g, tree, x):
    """What `L_reg` holds of the levels that the released code skips.

    It takes a batch whose labels at a level are all number 0 or absent for one without labels
    there, and leaves out the distance to the right axes. The paper has no such exception.
    """
    total = ops.zeros((), x.dtype)
    for depth, numbers in enumerate(g["labels_per_level"][g["y"]].T, start=1):
        there = np.flatnonzero(numbers >= 0)
        if len(there) == 0 or numbers.max() > 0:
            continue
        axes = np.flatnonzero(tree.depths[:-1] == depth)
        level = ops.take(ops.abs(ops.take(x, there, axis=0)), axes, axis=1)
        unit = level / ops.sqrt(ops.sum(level * level, axis=1, keepdims=True))
        right = axes == tree.paths[g["y"][there], depth][:, None]
        wrong = ops.abs(ops.convert_to_tensor(right, x.dtype) - unit)
        total = total + ops.mean(ops.sum(wrong, axis=1))
    return total


@golden_cases("golden_ext/hiercos_{name}.npz")
def test_golden_value_and_gradient(golden, name):
    g = golden(f"golden_ext/hiercos_{name}.npz")
    tree, alpha = numbered_tree(g), float(g["alpha"])
    axes = golden_axes(g, tree)

    def released(x):
        loss = HierCosLoss(tree, alpha=alpha)(g["y"], x)
        return loss - alpha * skipped_by_the_reference(g, tree, x)

    x = ops.convert_to_tensor(g["x"][:, axes])
    assert_close(released(x), g["loss"], 1e-4)
    assert_close(HierCosLoss(tree, alpha=0.0)(g["y"], x), g["loss_kl"], 1e-4)
    assert_close(gradient(released, g["x"][:, axes]), g["dx"][:, axes], 1e-4)


@golden_cases("golden_ext/hiercos_{name}.npz")
def test_golden_scores_and_targets(golden, name):
    g = golden(f"golden_ext/hiercos_{name}.npz")
    tree = numbered_tree(g)
    axes = golden_axes(g, tree)
    assert_close(path_lengths(g["x"][:, axes], tree), g["scores"], 1e-5)
    targets = path_targets(tree)
    width = g["node_prob"].shape[1]
    assert_close(targets, g["node_prob"][:, : targets.shape[1]], 1e-6)
    assert not g["node_prob"][:, targets.shape[1] : width].any()


def test_worked_tree(tree):
    # Paths have two nodes: shares exp(2/2) : exp(2/1), so e / (e + e^2) for the parent.
    parent = 1 / (1 + np.e)
    np.testing.assert_allclose(path_targets(tree), [[parent, 1 - parent]] * 4)
    # x = 0: uniform over 6 axes; every level misses its unit vector by 1.
    entropy = -parent * np.log(parent) - (1 - parent) * np.log(1 - parent)
    zero = ops.zeros((1, 6))
    assert float(HierCosLoss(tree, alpha=0.0)([0], zero)) == pytest.approx(
        np.log(6) - entropy, rel=1e-5
    )
    assert float(HierCosLoss(tree, alpha=0.1)([0], zero)) == pytest.approx(
        np.log(6) - entropy + 0.1 * 2, rel=1e-5
    )
    # car = node 0, land = node tree.index("land"); lengths 3 and 4 give 5.
    x = np.zeros((1, 6))
    x[0, 0], x[0, tree.index("land")] = -3.0, 4.0
    assert_close(path_lengths(x.astype("float32"), tree), np.array([[5.0, 4.0, 0.0, 0.0]]), 1e-6)


@pytest.mark.parametrize("alpha", [0.0, 0.1, 1.0])
def test_twin(uneven_tree, alpha):
    rng = np.random.default_rng(10)
    labels = np.array([2, 1, 6, 0, 3, 1, 2])
    check_loss(
        HierCosLoss(uneven_tree, alpha=alpha, dtype=DTYPE),
        labels,
        lambda x: {"nodes": x},
        lambda x: twin(x, uneven_tree, labels, alpha),
        rng.standard_normal((7, uneven_tree.num_nodes - 1)),
    )


@pytest.mark.parametrize("seed", range(3))
def test_random_trees(seed):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, 8)
    x = rng.standard_normal((5, tree.num_nodes - 1))
    labels = rng.integers(0, 8, 5)
    loss = HierCosLoss(tree, alpha=0.3, dtype=DTYPE)
    assert_close(loss(labels, ops.convert_to_tensor(x, dtype=DTYPE)), twin(x, tree, labels, 0.3))
    scores = [[np.sqrt(sum(row[n] ** 2 for n in path(tree, k))) for k in range(8)] for row in x]
    assert_close(path_lengths(ops.convert_to_tensor(x, dtype=DTYPE), tree), scores)


def test_flat_tree_scores_are_absolute_values():
    flat = kh.ClassTree([("root", c) for c in "abcde"])
    x = np.random.default_rng(0).standard_normal((3, 5))
    assert_close(path_lengths(x.astype("float32"), flat), np.abs(x), 1e-6)
    labels = np.array([0, 4, 4])
    loss = HierCosLoss(flat, alpha=0.5, dtype=DTYPE)
    assert_close(loss(labels, ops.convert_to_tensor(x, dtype=DTYPE)), twin(x, flat, labels, 0.5))


def test_memory_grows_with_nodes_not_classes_squared():
    names = [(f"g{i // 50}", f"c{i}") for i in range(5000)]
    tree = kh.ClassTree(names + [("root", f"g{i}") for i in range(100)], [c for _, c in names])
    loss = HierCosLoss(tree)
    held = [v for v in vars(loss).values() if isinstance(v, np.ndarray)]
    assert max(v.size for v in held) <= 2 * tree.num_nodes
    x = np.random.default_rng(0).standard_normal((2, tree.num_nodes - 1))
    scores = ops.convert_to_numpy(path_lengths(x.astype("float32"), tree))
    k = 4321
    expected = np.sqrt(x[0, k] ** 2 + x[0, tree.index(f"g{k // 50}")] ** 2)
    assert scores[0, k] == pytest.approx(expected, rel=1e-5)


def test_extreme_inputs_stay_finite(uneven_tree):
    labels = np.array([0, 1, 2, 3, 4, 5, 6])
    inputs = extremes(np.random.default_rng(0), 7, uneven_tree.num_nodes - 1)
    check_finite(HierCosLoss(uneven_tree), labels, lambda x: x, inputs[:2] + inputs[3:])


def test_errors(tree):
    with pytest.raises(ValueError, match="alpha"):
        HierCosLoss(tree, alpha=-0.1)
    with pytest.raises(ValueError, match=r"\[batch, 6\]"):
        HierCosLoss(tree)([0], ops.zeros((1, 7)))
