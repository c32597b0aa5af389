import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.losses import LevelCrossEntropy, TreePathKLLoss
from keras_haframe.tree.level_maps import LevelMaps
from tests.gradients import DTYPE, assert_close, gradient
from tests.losses.checks import check_finite, check_loss, extremes
from tests.trees import random_tree


def split(tree):
    """Function of `[B, sum of level sizes]` to outputs of a head with one classifier per level."""
    levels = LevelMaps(tree)
    cuts = np.cumsum([0, *levels.sizes])

    def outputs(z):
        return {n: z[:, a:b] for n, a, b in zip(levels.names, cuts[:-1], cuts[1:])}

    return outputs


def ancestors_by_level(tree, k):
    """Names on the path of class k at depths 1 to H, the class standing for itself below."""
    names = tree.path(k)[1:]
    return names + [names[-1]] * (tree.height - len(names))


def twin(z, tree, labels, weight):
    # Nodes of a level numbered by first appearance in label order, coarsest level first.
    numbers = []
    for depth in range(tree.height):
        seen = []
        for k in range(tree.num_classes):
            name = ancestors_by_level(tree, k)[depth]
            if name not in seen:
                seen.append(name)
        numbers.append(seen)
    cuts = np.cumsum([0] + [len(n) for n in numbers])
    total = 0.0
    for row, y in zip(z, labels):
        own = [n.index(a) for n, a in zip(numbers, ancestors_by_level(tree, y))]
        for c, a, b in zip(own, cuts[:-1], cuts[1:]):
            total += np.log(sum(np.exp(v) for v in row[a:b])) - row[a + c]
        q = np.zeros(cuts[-1])
        for c, a in zip(own, cuts[:-1]):
            q[a + c] = 1 / len(numbers)
        log_p = row - np.log(sum(np.exp(v) for v in row))
        total += weight * sum(s * (np.log(s) - p) for s, p in zip(q, log_p) if s)
    return total / len(labels)


def test_worked_tree(tree):
    # Uniform heads: log 2 + log 4; KL of (1/2, 1/2) to six equal shares: log 6 - log 2.
    outputs = {"logits_1": ops.zeros((1, 2)), "logits": ops.zeros((1, 4))}
    loss = TreePathKLLoss(tree)
    assert float(loss([0], outputs)) == pytest.approx(np.log(8) + 0.5 * np.log(3), rel=1e-6)
    # Both heads equally sure of one path: everything is zero.
    sure = {"logits_1": ops.convert_to_tensor([[50.0, 0]])}
    sure["logits"] = ops.convert_to_tensor([[50.0, 0, 0, 0]])
    assert float(loss([0], sure)) == pytest.approx(0.0, abs=1e-5)
    # Each head sure of its own, of two paths: the common softmax still has to choose.
    crossed = {**sure, "logits_1": ops.convert_to_tensor([[0.0, 50]])}
    assert float(loss([0], crossed)) == pytest.approx(50 + 0.5 * 25, rel=1e-4)


@pytest.mark.parametrize("weight", [0.0, 0.5, 2.0])
def test_twin(uneven_tree, weight):
    rng = np.random.default_rng(12)
    labels = np.array([0, 6, 2, 2, 5])
    width = sum(LevelMaps(uneven_tree).sizes)
    check_loss(
        TreePathKLLoss(uneven_tree, weight=weight, dtype=DTYPE),
        labels,
        split(uneven_tree),
        lambda z: twin(z, uneven_tree, labels, weight),
        rng.standard_normal((5, width)),
    )


@pytest.mark.parametrize("seed", range(3))
def test_random_trees(seed):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, 7)
    z = rng.standard_normal((6, sum(LevelMaps(tree).sizes)))
    labels = rng.integers(0, 7, 6)
    value = TreePathKLLoss(tree, dtype=DTYPE)(
        labels, split(tree)(ops.convert_to_tensor(z, dtype=DTYPE))
    )
    assert_close(value, twin(z, tree, labels, 0.5))


def test_flat_tree_is_scaled_cross_entropy():
    flat = kh.ClassTree([("root", c) for c in "abcde"])
    z = np.random.default_rng(0).standard_normal((4, 5))
    outputs = {"logits": ops.convert_to_tensor(z, dtype=DTYPE)}
    labels = [0, 1, 4, 4]
    plain = float(LevelCrossEntropy(flat, dtype=DTYPE)(labels, outputs))
    assert_close(TreePathKLLoss(flat, weight=0.5, dtype=DTYPE)(labels, outputs), 1.5 * plain)


def test_without_weight_it_is_level_cross_entropy(uneven_tree):
    z = np.random.default_rng(1).standard_normal((3, sum(LevelMaps(uneven_tree).sizes)))
    outputs = split(uneven_tree)(ops.convert_to_tensor(z, dtype=DTYPE))
    expected = float(LevelCrossEntropy(uneven_tree, dtype=DTYPE)([0, 1, 2], outputs))
    assert_close(TreePathKLLoss(uneven_tree, weight=0.0, dtype=DTYPE)([0, 1, 2], outputs), expected)


def test_divergence_is_not_negative_and_pulls_the_whole_path(tree):
    loss = TreePathKLLoss(tree, dtype=DTYPE)
    z = np.random.default_rng(2).standard_normal((20, 6)).astype(DTYPE)
    labels = ops.convert_to_tensor(np.arange(20) % 4)
    divergence = ops.convert_to_numpy(
        loss.path_divergence(labels, split(tree)(ops.convert_to_tensor(z)))
    )
    assert (divergence >= 0).all()
    slope = gradient(
        lambda z: ops.sum(loss.path_divergence(labels, split(tree)(z))), np.zeros((20, 6), DTYPE)
    )
    # At equal logits p is 1/6 everywhere and q is 1/2 on the path: gradient p - q.
    assert_close(slope[0], np.array([1 / 6 - 1 / 2, 1 / 6, 1 / 6 - 1 / 2, 1 / 6, 1 / 6, 1 / 6]))


def test_extreme_inputs_stay_finite(uneven_tree):
    labels = np.array([0, 1, 2, 3, 4, 5, 6])
    inputs = extremes(np.random.default_rng(0), 7, sum(LevelMaps(uneven_tree).sizes))
    check_finite(TreePathKLLoss(uneven_tree), labels, split(uneven_tree), inputs)


def test_errors(tree):
    with pytest.raises(ValueError, match="weight"):
        TreePathKLLoss(tree, weight=-1)
    with pytest.raises(ValueError, match="logits_1"):
        TreePathKLLoss(tree)([0], {"logits": ops.zeros((1, 4))})
