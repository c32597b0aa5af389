"""Conditional softmax against golden vectors, a twin with loops and hand-computed values."""

import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.losses import ConditionalSoftmaxLoss
from keras_haframe.losses.conditional_softmax_loss import ConditionalLogProbabilities
from tests.golden import golden_cases
from tests.gradients import DTYPE, RTOL, assert_close, gradient
from tests.losses.contract import LossContract
from tests.losses.twins import leaf_log_probability, log_given_parent
from tests.trees import TREES


class TestContract(LossContract):
    alpha, normalize = 0.0, False

    def make(self, tree, **kwargs):
        return ConditionalSoftmaxLoss(tree, alpha=self.alpha, normalize=self.normalize, **kwargs)

    def outputs(self, tree, rng, batch, scale=1.0):
        return {"node_logits": scale * rng.normal(size=(batch, tree.num_nodes))}

    def twin(self, tree, labels, outputs):
        total = sum(np.exp(-self.alpha * depth) for depth in tree.depths) if self.normalize else 1
        each = []
        for label, row in zip(labels, outputs["node_logits"]):
            loss = 0.0
            for depth, name in enumerate(tree.path(int(label))[1:], 1):
                weight = np.exp(-self.alpha * depth) / total
                loss -= weight * log_given_parent(tree, tree.index(name), row)
            each.append(loss)
        return np.array(each)


class TestNormalized(TestContract):
    alpha, normalize = 0.3, True


def golden_case(golden, name):
    """Tree, labels, and the columns of the golden arrays in the order of our nodes."""
    data = golden("golden/yolo_cascade.npz")
    order = [str(n) for n in data[f"{name}__node_order"]]
    edges = data[f"{name}__edges"]
    inner = set(edges[:, 0].tolist())
    # Labels of the golden file number the sorted classes.
    tree = kh.ClassTree(edges, [n for n in order if n not in inner])
    return data, tree, np.array([order.index(n) for n in tree.nodes])


@golden_cases("golden/yolo_cascade.npz", "{name}__leaf_probabilities")
def test_golden_probabilities(name, golden):
    data, tree, ours = golden_case(golden, name)
    logits = data[f"{name}__logits"][:, ours].astype(DTYPE)
    given = ConditionalLogProbabilities(tree)
    leaves = np.exp(ops.convert_to_numpy(given.leaves(ops.convert_to_tensor(logits))))
    assert_close(leaves, data[f"{name}__leaf_probabilities"])
    assert_close(kh.decisions.roll_up(leaves, tree), data[f"{name}__node_probabilities"][:, ours])


@golden_cases("golden/yolo_cascade.npz", "{name}__alpha{alpha}__yolo_loss")
def test_golden_loss(name, alpha, golden):
    data, tree, ours = golden_case(golden, name)
    case = f"{name}__alpha{alpha}"
    logits, labels = data[f"{name}__logits"][:, ours].astype(DTYPE), data[f"{name}__labels"]
    loss = ConditionalSoftmaxLoss(tree, alpha=float(alpha), normalize=True, dtype=DTYPE)
    assert float(loss(labels, logits)) == pytest.approx(float(data[f"{case}__yolo_loss"]), rel=RTOL)
    grad = gradient(lambda z: loss(labels, z), logits)
    assert_close(grad, data[f"{case}__yolo_grad_logits"][:, ours])
    weights = data[f"{case}__node_weights"][ours]
    path = tree.paths[0][1 : tree.depths[0] + 1]
    np.testing.assert_allclose(loss._weights[0][: len(path)], weights[path], rtol=1e-6)


@pytest.mark.parametrize("kind", TREES)
def test_class_probabilities_are_products_that_sum_to_one(kind):
    tree = TREES[kind]()
    logits = 3 * np.random.default_rng(0).normal(size=(4, tree.num_nodes)).astype(DTYPE)
    got = ConditionalLogProbabilities(tree).leaves(ops.convert_to_tensor(logits))
    classes = range(tree.num_classes)
    want = [[leaf_log_probability(tree, k, row) for k in classes] for row in logits]
    assert_close(got, want)
    np.testing.assert_allclose(np.exp(ops.convert_to_numpy(got)).sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize("kind", ["tree", "uneven_tree"])
def test_alpha_zero_is_the_log_likelihood_of_the_class(kind, request):
    tree = request.getfixturevalue(kind)
    rng = np.random.default_rng(1)
    labels = rng.integers(0, tree.num_classes, 6)
    logits = rng.normal(size=(6, tree.num_nodes)).astype(DTYPE)
    loss = ConditionalSoftmaxLoss(tree, dtype=DTYPE)
    leaves = ops.convert_to_numpy(loss.log_probabilities.leaves(ops.convert_to_tensor(logits)))
    want = -leaves[np.arange(6), labels].mean()
    assert float(loss(labels, logits)) == pytest.approx(want, rel=RTOL)


def test_worked_tree_by_hand(tree):
    # car truck jet glider land air vehicle; odds 3:1 for land, 1:4 for car against truck
    assert tree.nodes == ["car", "truck", "jet", "glider", "land", "air", "vehicle"]
    logits = np.log([[1.0, 4.0, 1.0, 1.0, 3.0, 1.0, 7.0]]).astype(DTYPE)
    loss = ConditionalSoftmaxLoss(tree, alpha=np.log(2.0).item(), dtype=DTYPE)
    leaves = loss.log_probabilities.leaves(ops.convert_to_tensor(logits))
    assert_close(ops.exp(leaves), [[0.15, 0.6, 0.125, 0.125]])
    want = -(0.5 * np.log(0.75) + 0.25 * np.log(0.2))
    assert float(loss([0], logits)) == pytest.approx(want, rel=RTOL)


def test_the_root_and_only_children_play_no_part(uneven_tree):
    logits = np.random.default_rng(2).normal(size=(3, uneven_tree.num_nodes)).astype("float32")
    loss = ConditionalSoftmaxLoss(uneven_tree)
    labels = [uneven_tree.index("l0"), uneven_tree.index("l1"), uneven_tree.index("l0")]
    grad = gradient(lambda z: loss(labels, z), logits)
    for name in ("root", "link"):  # link is the only child of chain
        np.testing.assert_allclose(grad[:, uneven_tree.index(name)], 0, atol=1e-6)
    assert grad[:, uneven_tree.index("chain")].all()


def test_only_groups_on_the_path_get_gradients(tree):
    loss = ConditionalSoftmaxLoss(tree)
    grad = gradient(lambda z: loss([0], z), np.zeros((1, 7), "float32"))
    np.testing.assert_allclose(grad, [[-0.5, 0.5, 0, 0, -0.5, 0.5, 0]], atol=1e-6)


def test_improbable_groups_keep_their_digits(tree):
    # Both leaf logits of land are 1e4 below air's: each group is normalized by itself.
    logits = np.array([[-1e4, -1e4 - 1, 1e4, 1e4, 0.0, 0.0, 0.0]], "float32")
    leaves = ops.convert_to_numpy(
        ConditionalLogProbabilities(tree).leaves(ops.convert_to_tensor(logits))
    )
    want = np.log(0.5) - np.log1p(np.exp([[-1.0, 1.0]]))
    np.testing.assert_allclose(leaves[:, :2], want, rtol=1e-5)


def test_wrong_width(tree):
    with pytest.raises(ValueError, match=r"\[batch, 7\], one per node.*Received shape: \(2, 4\)"):
        ConditionalSoftmaxLoss(tree)([0, 1], np.zeros((2, 4)))


@pytest.mark.parametrize("alpha", [-1, float("nan"), "0"])
def test_bad_alpha(tree, alpha):
    with pytest.raises(ValueError, match=r"`alpha` must be a number in \[0, inf\)"):
        ConditionalSoftmaxLoss(tree, alpha=alpha)
