"""Soft labels against golden vectors, a twin with loops and hand-computed values."""

import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.losses import CrossEntropy, SoftLabelCrossEntropy, soft_label_cross_entropy
from keras_haframe.tree_ops import target_rows
from tests.brute_force import log_softmax
from tests.golden import golden_cases
from tests.gradients import DTYPE, RTOL, assert_close, gradient
from tests.losses.contract import LossContract


def twin_targets(tree, beta, label, convention="depth") -> np.ndarray:
    distances = tree.distances(convention).astype(DTYPE)
    row = [np.exp(-beta * distances[k, label] / distances.max()) for k in range(tree.num_classes)]
    return np.array(row) / sum(row)


class TestContract(LossContract):
    beta, form = 6.0, "cross_entropy"

    def make(self, tree, **kwargs):
        return SoftLabelCrossEntropy(tree, beta=self.beta, form=self.form, **kwargs)

    def outputs(self, tree, rng, batch, scale=1.0):
        return {"logits": scale * rng.normal(size=(batch, tree.num_classes))}

    def twin(self, tree, labels, outputs):
        each = []
        for label, row in zip(labels, outputs["logits"]):
            loss, log_p = 0.0, log_softmax(row)
            for target, log_q in zip(twin_targets(tree, self.beta, int(label)), log_p):
                loss -= target * log_q
                if self.form != "cross_entropy" and target > 0:
                    loss += target * np.log(target)
            each.append(loss / tree.num_classes if self.form == "kl_per_class" else loss)
        return np.array(each)


class TestDivergence(TestContract):
    beta, form = 30.0, "kl"


class TestDivergencePerClass(TestContract):
    beta, form = 4.0, "kl_per_class"


class TestManyClasses(TestContract):
    """The same without the K x K table of targets."""

    @pytest.fixture(autouse=True)
    def _no_table(self, monkeypatch):
        monkeypatch.setattr(target_rows, "DENSE_LIMIT", 0)

    def test_there_is_no_table(self, tree):
        assert self.make(tree)._rows.table is None


@golden_cases("golden/softlabels_hxe.npz", "{name}__beta{beta}__targets")
def test_golden(name, beta, golden, benchmark_tree):
    # The reference computes in float32: its own rounding is the tolerance.
    data = golden("golden/softlabels_hxe.npz")
    tree = benchmark_tree(name)
    case, beta = f"{name}__beta{beta}", float(beta)
    logits, labels = data[f"{name}__logits"].astype(DTYPE), data[f"{name}__labels"]
    targets = data[f"{case}__targets"]
    loss = SoftLabelCrossEntropy(tree, beta=beta, dtype=DTYPE)
    ours = ops.convert_to_numpy(loss.targets(labels[: len(targets)].astype("int32")))
    assert_close(ours, targets)
    names = {"cross_entropy": "soft_ce_batchmean", "kl": "kldiv_batchmean"}
    for form, key in {**names, "kl_per_class": "kldiv_mean_loss"}.items():
        loss = SoftLabelCrossEntropy(tree, beta=beta, form=form, dtype=DTYPE)
        want = float(data[f"{case}__{key}"])
        assert float(loss(labels, logits)) == pytest.approx(want, rel=RTOL)
    if f"{case}__grad_logits" in data:
        grad = gradient(lambda z: loss(labels, z), logits)
        assert_close(grad, data[f"{case}__grad_logits"])


def test_worked_tree_by_hand(tree):
    e2, e4 = np.exp(-2.0), np.exp(-4.0)  # siblings half as far as cousins, beta 4
    loss = SoftLabelCrossEntropy(tree, beta=4.0, dtype=DTYPE)
    want = np.array([[e2, 1, e4, e4], [e4, e4, 1, e2]]) / (1 + e2 + 2 * e4)
    assert_close(loss.targets(ops.array([1, 2])), want)
    assert float(loss([1], np.zeros((1, 4)))) == pytest.approx(np.log(4), rel=RTOL)


def test_the_divergence_is_zero_at_the_targets(uneven_tree):
    loss = SoftLabelCrossEntropy(uneven_tree, beta=5.0, form="kl", dtype=DTYPE)
    labels = np.arange(7)
    logits = np.log(ops.convert_to_numpy(loss.targets(ops.array(labels, "int32"))))
    assert float(loss(labels, logits)) == pytest.approx(0, abs=RTOL)
    np.testing.assert_allclose(gradient(lambda z: loss(labels, z), logits), 0, atol=RTOL)


def test_forms_differ_by_the_entropy_and_by_the_number_of_classes(uneven_tree):
    rng = np.random.default_rng(4)
    logits, labels = rng.normal(size=(5, 7)).astype(DTYPE), rng.integers(0, 7, 5)
    grads = {}
    for form in soft_label_cross_entropy.FORMS:
        loss = SoftLabelCrossEntropy(uneven_tree, beta=8.0, form=form, dtype=DTYPE)
        grads[form] = gradient(lambda z, loss=loss: loss(labels, z), logits)
    assert_close(grads["kl"], grads["cross_entropy"])
    assert_close(7 * grads["kl_per_class"], grads["kl"])


@pytest.mark.parametrize("form", soft_label_cross_entropy.FORMS)
def test_very_sharp_targets_are_one_hot(uneven_tree, form):
    logits = np.random.default_rng(5).normal(size=(7, 7)).astype("float32")
    loss = SoftLabelCrossEntropy(uneven_tree, beta=1e4, form=form)
    want = float(CrossEntropy()(np.arange(7), logits)) / (7 if form == "kl_per_class" else 1)
    assert float(loss(np.arange(7), logits)) == pytest.approx(want, rel=1e-5)
    assert np.isfinite(gradient(lambda z: loss(np.arange(7), z), logits)).all()


@pytest.mark.parametrize("convention", ["depth", "subtree"])
def test_distance_conventions(uneven_tree, convention):
    loss = SoftLabelCrossEntropy(uneven_tree, beta=3.0, convention=convention)
    ours = ops.convert_to_numpy(loss.targets(ops.arange(7, dtype="int32")))
    want = [twin_targets(uneven_tree, 3.0, label, convention) for label in range(7)]
    assert_close(ours, want, 1e-5)
    assert loss.get_config()["convention"] == convention


def test_single_child_nodes_above_the_first_branching_do_not_count():
    inner = [("a", "b"), ("a", "c"), ("b", "k0"), ("b", "k1"), ("c", "k2")]
    short, long = kh.ClassTree(inner), kh.ClassTree([("top", "mid"), ("mid", "a"), *inner])
    rows = [
        ops.convert_to_numpy(SoftLabelCrossEntropy(t, beta=4.0).targets(ops.array([0, 1, 2])))
        for t in (short, long)
    ]
    assert_close(rows[0], rows[1], 1e-6)


def test_distances_by_the_height_of_the_tree():
    """Under a root with a single child the largest distance is less than the height."""
    tree = kh.ClassTree([("top", "root"), ("root", "x"), ("root", "m"), ("m", "y"), ("m", "z")])
    assert (tree.distances().max(), tree.height) == (2, 3)
    rows = np.exp(-4.0 * tree.distances() / 3)
    loss = SoftLabelCrossEntropy(tree, beta=4.0, scale="height", dtype=DTYPE)
    got = ops.convert_to_numpy(loss.targets(ops.arange(3)))
    np.testing.assert_allclose(got, rows / rows.sum(axis=1, keepdims=True), rtol=RTOL)
    with pytest.raises(ValueError, match="scale"):
        SoftLabelCrossEntropy(tree, scale="depth")


@pytest.mark.parametrize("beta", [0, -1, float("nan"), float("inf"), "10", None, True])
def test_bad_beta(tree, beta):
    with pytest.raises(ValueError, match=r"`beta` must be positive and finite.*Received: beta="):
        SoftLabelCrossEntropy(tree, beta=beta)


def test_bad_form(tree):
    with pytest.raises(ValueError, match=r"`form` must be one of .*Received: form='mean'"):
        SoftLabelCrossEntropy(tree, beta=4.0, form="mean")
