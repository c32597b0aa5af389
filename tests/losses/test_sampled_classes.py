"""Losses estimated from drawn classes: probabilities of the draws, averages, bias, training."""

import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.layers import Draws, FrameClassifier
from keras_haframe.losses import CrossEntropy, HAFrameLoss
from keras_haframe.losses.class_vectors import ClassVectors
from keras_haframe.losses.sampled_classes import TreeProposal, sampled_terms
from tests.gradients import value_and_gradients
from tests.networks import backbone, data
from tests.trees import TREES, ancestors, classes_below, random_tree


def draws(batch, count, seed=0):
    return np.random.default_rng(seed).integers(0, 2**15, (batch, count, 3)).astype("int32")


@pytest.mark.parametrize("kind", TREES)
def test_how_probable_a_class_is(kind):
    """A depth at random, then a class below the label's ancestor there."""
    tree = TREES[kind]()
    labels = np.arange(tree.num_classes)
    classes, log_q = map(ops.convert_to_numpy, TreeProposal(tree)(labels, draws(len(labels), 4000)))
    for y in labels:
        path = ancestors(tree, y)[::-1]  # a class stands for itself below its own depth
        path = path + path[-1:] * (tree.height - len(path))
        want = np.zeros(tree.num_classes)
        for node in path[: tree.height]:
            below = classes_below(tree, node)
            want[below] += 1 / tree.height / len(below)
        assert want.sum() == pytest.approx(1)
        np.testing.assert_allclose(log_q[y], np.log(want[classes[y]]), atol=1e-5)
        shares = np.bincount(classes[y], minlength=len(want)) / 4000
        np.testing.assert_allclose(shares, want, atol=0.04)


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    tree = random_tree(rng, 60)
    layer = FrameClassifier(tree, 2.0, min_similarity=0.0)
    layer.build((None, 60))
    labels = rng.integers(0, 60, 8)
    rows = ops.convert_to_numpy(layer.kernel).T
    x = 6 * rows[labels] + 0.7 * rng.normal(size=(8, 60))  # as in the midst of training
    return tree, layer, labels, x.astype("float32")


@pytest.mark.parametrize("by_tree", [False, True])
def test_averages_are_those_of_all_classes(case, by_tree):
    """Of the cosine loss and of the sum of exponentials; cross-entropy is a little too low."""
    tree, layer, labels, x = case
    exact = HAFrameLoss(tree, 2.0, min_similarity=0.0)
    targets = exact.cosine.targets
    proposal = TreeProposal(tree) if by_tree else None
    vectors, copies = ClassVectors(layer), 2000

    def estimates(count):
        given = [np.repeat(a, copies, axis=0) for a in (x, labels.astype("int32"))]
        given = [ops.convert_to_tensor(a) for a in (*given, draws(8 * copies, count))]
        found = sampled_terms(*given, vectors, targets, proposal)
        return [ops.convert_to_numpy(f).reshape(8, copies) for f in found]

    outputs = layer(x)
    entropy = ops.convert_to_numpy(CrossEntropy(reduction=None)(labels, outputs))
    cosine = ops.convert_to_numpy(exact.cosine.loss(ops.convert_to_tensor(labels), outputs))
    own = ops.convert_to_numpy(outputs["logits"])[np.arange(8), labels]
    bias = {}
    for count in (2, 20):
        entropies, cosines = estimates(count)
        sums = np.exp(entropies + own[:, None])
        for found, want in ((cosines, cosine), (sums, np.exp(entropy + own))):
            error = found.std(axis=1) / np.sqrt(copies)
            assert (np.abs(found.mean(axis=1) - want) < 5 * error + 1e-4 * want).all()
        bias[count] = (entropies.mean(axis=1) - entropy).mean()
    assert bias[2] < bias[20] < 0.01
    assert abs(bias[20]) < 0.25 * abs(bias[2]) + 0.01


@pytest.mark.parametrize("proposal", ["uniform", "tree"])
def test_the_mean_gradient_is_near_that_of_all_classes(case, proposal):
    tree, layer, labels, x = case
    plain = HAFrameLoss(tree, 2.0, alpha=0.5, min_similarity=0.0, reduction="sum")
    loss = HAFrameLoss(
        tree, 2.0, alpha=0.5, min_similarity=0.0, reduction="sum", negatives=20, proposal=proposal
    )
    loss.classifier = layer
    _, (want,) = value_and_gradients(lambda x: plain(labels, layer(x)), [x])
    copies = 300
    given = draws(8 * copies, 20)
    _, (found,) = value_and_gradients(
        lambda x: loss(np.repeat(labels, copies), {"features": x, "draws": given}),
        [np.repeat(x, copies, axis=0)],
    )
    mean = found.reshape(8, copies, -1).mean(axis=1)
    assert np.linalg.norm(mean - want) < 0.1 * np.linalg.norm(want)


def test_draws_are_for_training_and_the_state_is_the_layers():
    layer, x = Draws(50, seed=3), ops.zeros((4, 7))
    assert not ops.convert_to_numpy(layer(x)).any()
    first, second = (ops.convert_to_numpy(layer(x, training=True)) for _ in range(2))
    assert first.shape == (4, 50, 3) and first.dtype == np.int32
    assert first.min() >= 0 and first.max() < 2**15
    assert len(np.unique(first)) > 550 and (first != second).any()
    again = Draws.from_config(layer.get_config())
    np.testing.assert_array_equal(ops.convert_to_numpy(again(x, training=True)), first)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method", ["cross_entropy", pytest.param("haframe", marks=pytest.mark.slow)]
)
def test_training_with_negatives(uneven_tree, method):
    images, labels = data(uneven_tree, 6)
    options = {} if method == "haframe" else {"hidden_units": 8}
    model = kh.build(backbone(), uneven_tree, method, negatives=4, **options)
    exact = kh.build(backbone(), uneven_tree, method, **options)
    model.run_eagerly = exact.run_eagerly = True
    history = model.fit(images, labels, batch_size=8, epochs=6, verbose=0).history
    assert set(history) == {"loss"} and history["loss"][-1] < history["loss"][0]
    exact.set_weights([w for w in model.get_weights() if w.dtype.kind == "f"])
    found, want = (m.evaluate(images, labels, verbose=0, return_dict=True) for m in (model, exact))
    assert found == pytest.approx(want, rel=1e-5, nan_ok=True)
    assert any("seed_generator" in v.path for v in model.non_trainable_variables)
