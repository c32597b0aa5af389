"""Hierarchical cross-entropy against golden vectors, a twin with loops and hand-computed values."""

import itertools

import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.losses import CrossEntropy, HierarchicalCrossEntropy
from tests.brute_force import log_sum_exp
from tests.golden import golden_cases
from tests.gradients import DTYPE, RTOL, assert_close, gradient
from tests.losses.contract import LossContract


def node_probability(tree, node: str, row) -> float:
    """Log of the summed softmax over the classes whose path holds the node."""
    below = [row[k] for k in range(tree.num_classes) if node in tree.path(k)]
    return log_sum_exp(below) - log_sum_exp(row)


class TestContract(LossContract):
    alpha, normalize = 0.4, False

    def make(self, tree, **kwargs):
        return HierarchicalCrossEntropy(tree, alpha=self.alpha, normalize=self.normalize, **kwargs)

    def outputs(self, tree, rng, batch, scale=1.0):
        return {"logits": scale * rng.normal(size=(batch, tree.num_classes))}

    def twin(self, tree, labels, outputs):
        total = sum(np.exp(-self.alpha * depth) for depth in tree.depths) if self.normalize else 1
        each = []
        for label, row in zip(labels, outputs["logits"]):
            path, loss = tree.path(int(label)), 0.0
            for depth in range(1, len(path)):
                given = node_probability(tree, path[depth], row)
                given -= node_probability(tree, path[depth - 1], row)
                loss -= np.exp(-self.alpha * depth) / total * given
            each.append(loss)
        return np.array(each)


class TestNormalized(TestContract):
    alpha, normalize = 0.15, True


@golden_cases("golden/softlabels_hxe.npz", "{name}__alpha{alpha}__hxe_loss")
def test_golden(name, alpha, golden, benchmark_tree):
    data = golden("golden/softlabels_hxe.npz")
    tree = benchmark_tree(name)
    case = f"{name}__alpha{alpha}__hxe"
    logits, labels = data[f"{name}__logits"].astype(DTYPE), data[f"{name}__labels"]
    loss = HierarchicalCrossEntropy(tree, alpha=float(alpha), normalize=True, dtype=DTYPE)
    assert float(loss(labels, logits)) == pytest.approx(float(data[f"{case}_loss"]), rel=RTOL)
    weights = data[f"{case}_edge_weights_of_label0"]
    ours = loss._weights[0][::-1]  # the reference goes from the class up
    np.testing.assert_allclose(ours[ours > 0], weights[weights > 0], rtol=1e-6)
    if f"{case}_grad_logits" in data:
        grad = gradient(lambda z: loss(labels, z), logits)
        assert_close(grad, data[f"{case}_grad_logits"])


def test_weights_by_height(uneven_tree):
    """`exp(-alpha height)` of the node below the edge, by names; the class's edge weighs 1."""
    tree, alpha = uneven_tree, 0.7
    paths = [tree.path(k) for k in range(tree.num_classes)]

    def height(node):
        return max(len(path) - 1 - path.index(node) for path in paths if node in path)

    logits = np.random.default_rng(0).standard_normal((tree.num_classes,) * 2)
    labels = np.arange(tree.num_classes)
    want = [
        -sum(
            np.exp(-alpha * height(node))
            * (node_probability(tree, node, row) - node_probability(tree, above, row))
            for above, node in itertools.pairwise(path)
        )
        for path, row in zip(paths, logits)
    ]
    loss = HierarchicalCrossEntropy(tree, alpha=alpha, weight_by="height", dtype=DTYPE)
    assert float(loss(labels, logits)) == pytest.approx(np.mean(want), rel=10 * RTOL)
    again = HierarchicalCrossEntropy.from_config(loss.get_config())
    assert float(again(labels, logits)) == pytest.approx(np.mean(want), rel=10 * RTOL)
    with pytest.raises(ValueError, match="weight_by"):
        HierarchicalCrossEntropy(tree, weight_by="level")


@pytest.mark.parametrize("kind", ["tree", "uneven_tree"])
def test_alpha_zero_is_cross_entropy(kind, request):
    tree = request.getfixturevalue(kind)
    rng = np.random.default_rng(1)
    labels = rng.integers(0, tree.num_classes, 9)
    logits = 5 * rng.normal(size=(9, tree.num_classes)).astype(DTYPE)
    ours = HierarchicalCrossEntropy(tree, alpha=0.0, dtype=DTYPE)
    plain = CrossEntropy(dtype=DTYPE)
    assert float(ours(labels, logits)) == pytest.approx(float(plain(labels, logits)), rel=RTOL)
    assert_close(
        gradient(lambda z: ours(labels, z), logits), gradient(lambda z: plain(labels, z), logits)
    )


def test_flat_tree_is_cross_entropy_times_one_weight():
    tree = kh.ClassTree([("root", name) for name in "abc"])
    logits, labels = np.random.default_rng(2).normal(size=(4, 3)), [0, 1, 2, 1]
    plain = float(CrossEntropy(dtype=DTYPE)(labels, logits))
    ours = float(HierarchicalCrossEntropy(tree, alpha=0.7, dtype=DTYPE)(labels, logits))
    assert ours == pytest.approx(np.exp(-0.7) * plain, rel=RTOL)


def test_worked_tree_by_hand(tree):
    logits = np.log([[0.5, 0.25, 0.2, 0.05]])  # land 0.75, air 0.25
    loss = HierarchicalCrossEntropy(tree, alpha=np.log(2.0).item(), dtype=DTYPE)
    want = -(0.5 * np.log(0.75) + 0.25 * np.log(0.5 / 0.75))
    assert float(loss([0], logits)) == pytest.approx(want, rel=RTOL)
    # Z = 1 + 2/2 + 4/4 over root, parents and classes
    normalized = HierarchicalCrossEntropy(
        tree, alpha=np.log(2.0).item(), normalize=True, dtype=DTYPE
    )
    assert float(normalized([0], logits)) == pytest.approx(want / 3, rel=RTOL)


def test_a_class_whose_subtree_underflows_still_counts(tree):
    # The reference skips a probability that underflows to zero and reports no loss at all.
    logits = np.array([[0.0, 0.0, 500.0, 500.0]], "float32")
    loss = HierarchicalCrossEntropy(tree, alpha=0.0)
    assert float(loss([0], logits)) == pytest.approx(500 + np.log(4) - np.log(2), rel=1e-5)
    grad = gradient(lambda z: loss([0], z), logits)
    np.testing.assert_allclose(grad, [[-1.0, 0.0, 0.5, 0.5]], atol=1e-5)


def test_bare_logits_and_dictionaries_give_the_same(tree):
    logits = np.random.default_rng(3).normal(size=(3, 4)).astype("float32")
    loss = HierarchicalCrossEntropy(tree, alpha=0.2)
    assert float(loss([0, 1, 2], logits)) == float(loss([0, 1, 2], {"logits": logits}))


def test_larger_alpha_favors_coarse_decisions(tree):
    sibling = np.array([[0.0, 4.0, -4.0, -4.0]], "float32")  # a near miss
    cousin = np.array([[0.0, -4.0, 4.0, -4.0]], "float32")
    ratios = []
    for alpha in (0.0, 0.5, 1.0):
        loss = HierarchicalCrossEntropy(tree, alpha=alpha)
        ratios.append(float(loss([0], sibling)) / float(loss([0], cousin)))
    assert ratios[0] > ratios[1] > ratios[2]


@pytest.mark.parametrize("alpha", [-0.1, float("nan"), float("inf"), "0.1", None, True])
def test_bad_alpha(tree, alpha):
    with pytest.raises(ValueError, match=r"`alpha` must be a number in \[0, inf\)\. Received"):
        HierarchicalCrossEntropy(tree, alpha=alpha)


def test_memory_is_linear_in_the_nodes():
    # 3,000 classes in a chain of 30 levels: nothing of size K x K or K x depth per example.
    edges = [(f"n{d}", f"n{d + 1}") for d in range(30)]
    edges += [(f"n{i % 31}", f"c{i}") for i in range(3000)]
    tree = kh.ClassTree(edges)
    loss = HierarchicalCrossEntropy(tree, alpha=0.1)
    assert loss._weights.shape == loss._paths[:, 1:].shape == (3000, tree.height)
    assert np.isfinite(float(loss([0, 2999], ops.zeros((2, 3000)))))
