"""The dissimilarity term against golden vectors and against the list of pairs written out."""

import numpy as np
import pytest
from keras import ops

from keras_haframe.losses.dissimilarity import dissimilarity, kl_divergence, log_middle
from tests.golden import match, number
from tests.gradients import DTYPE, RTOL, assert_close, gradient, numeric_gradient
from tests.losses import twins


def keys_of(order) -> np.ndarray:
    """Keys that sort the batch into `order`."""
    keys = np.empty(len(order), "float32")
    keys[order] = np.linspace(0, 1, len(order))
    return keys


def random_case(batch, classes, seed=0):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(5), batch)
    return probabilities, rng.integers(0, classes, batch), rng.permutation(batch)


def term(probabilities, labels, order=None, **kwargs):
    keys = None if order is None else keys_of(order)
    log_p = ops.log(ops.convert_to_tensor(np.asarray(probabilities, DTYPE)))
    return float(dissimilarity(log_p, ops.convert_to_tensor(labels, "int32"), keys, **kwargs))


# batch, labels: pairs that fill the list many times, not a whole number of times, and not at all
@pytest.mark.parametrize(
    ("batch", "classes"), [(2, 50), (3, 2), (6, 2), (16, 9), (17, 2), (32, 4), (300, 3), (300, 300)]
)
def test_equals_the_list_written_out(batch, classes):
    probabilities, labels, order = random_case(batch, classes)
    want = twins.dissimilarity(probabilities, labels, order)
    assert term(probabilities, labels, order) == pytest.approx(want, rel=RTOL)
    unshuffled = twins.dissimilarity(probabilities, labels, np.arange(batch))
    assert term(probabilities, labels) == pytest.approx(unshuffled, rel=RTOL)


@pytest.mark.parametrize("count", [1, 5, 7, 64])
def test_length_of_the_list(count):
    probabilities, labels, order = random_case(12, 3, seed=1)
    want = twins.dissimilarity(probabilities, labels, order, count=count)
    assert term(probabilities, labels, order, pairs=count) == pytest.approx(want, rel=RTOL)


@pytest.mark.parametrize("margin", [0.1, 0.2, 3.0])
def test_margin(margin):
    probabilities, labels, order = random_case(20, 4, seed=2)
    want = twins.dissimilarity(probabilities, labels, order, margin)
    assert term(probabilities, labels, order, margin=margin) == pytest.approx(want, rel=RTOL)


@pytest.mark.parametrize("labels", [[3], [2, 2, 2, 2]])
def test_without_pairs_the_term_is_the_margin(labels):
    probabilities, _, order = random_case(len(labels), 2)
    assert term(probabilities, np.array(labels), order, margin=2.5) == 2.5
    grad = gradient(
        lambda z: dissimilarity(ops.log_softmax(z), ops.convert_to_tensor(labels, "int32")),
        np.log(probabilities).astype("float32"),
    )
    assert grad.shape == probabilities.shape and not grad.any()


def test_opposite_certainties_are_as_dissimilar_as_can_be():
    sure = np.array([[1.0, 1e-30], [1e-30, 1.0]])
    assert term(sure, np.array([0, 1]), pairs=2) == pytest.approx(3 - np.log(2), rel=1e-5)


def test_gradient():
    _, labels, order = random_case(7, 3, seed=3)
    logits = np.random.default_rng(4).normal(size=(7, 5))
    keys, own = keys_of(order), ops.convert_to_tensor(labels, "int32")

    def brute(z):
        p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
        return twins.dissimilarity(p, labels, order, margin=0.15)

    got = gradient(
        lambda z: dissimilarity(ops.log_softmax(z), own, keys, margin=0.15), logits.astype(DTYPE)
    )
    assert_close(got, numeric_gradient(brute, logits), 10 * RTOL)


def test_probabilities_that_underflow():
    logits = np.array([[0.0, -2e4, -300.0], [-2e4, 0.0, 90.0]], "float32")
    labels = ops.convert_to_tensor([0, 1], "int32")
    value = dissimilarity(ops.log_softmax(logits), labels, pairs=2)
    assert float(value) == pytest.approx(3 - np.log(2), rel=1e-5)
    assert np.isfinite(gradient(lambda z: dissimilarity(ops.log_softmax(z), labels), logits)).all()


def test_golden_few_pairs(golden):
    data = golden("golden/hafeature_flamingo.npz")
    probabilities, labels = data["fewpairs_probs"], data["fewpairs_labels"]
    order = data["fewpairs_permutation"]
    pairs = twins.list_of_pairs(labels, order)
    assert len(pairs) == int(data["fewpairs_nonzero"])
    np.testing.assert_allclose(
        probabilities[np.array(pairs)], data["fewpairs_pairs"][: len(pairs)], rtol=1e-6
    )
    (margin,) = match("fewpairs_loss_margin{margin}", data)
    want = float(data["fewpairs_loss_margin{margin}".format(**margin)])
    margin = number(margin["margin"])
    assert term(probabilities, labels, order, margin=margin) == pytest.approx(want, rel=RTOL)


def test_golden_divergences(golden):
    data = golden("golden/hafeature_flamingo.npz")
    log_p, log_q = (
        ops.log(ops.convert_to_tensor(data[k].astype(DTYPE))) for k in ("jsd_p", "jsd_q")
    )
    middle = log_middle(log_p, log_q)
    sides = [ops.convert_to_numpy(kl_divergence(side, middle)) for side in (log_p, log_q)]
    similar = 0.5 * (sides[0].mean() + sides[1].mean())
    assert similar == pytest.approx(float(data["jsd_similar"]), rel=RTOL)
    for case in match("jsd_dissimilar_margin{margin}", data):
        margin = number(case["margin"])
        got = sum(0.5 * np.maximum(0, margin - side).mean() for side in sides)
        want = float(data["jsd_dissimilar_margin{margin}".format(**case)])
        assert got == pytest.approx(want, rel=RTOL)
