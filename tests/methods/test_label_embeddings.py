import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.methods.label_embeddings import tree_embeddings
from tests.brute_force import distances
from tests.golden import golden_cases
from tests.methods.contract import MethodContract
from tests.networks import backbone, data
from tests.trees import random_tree


class TestLabelEmbeddings(MethodContract):
    method = "label_embeddings"


@pytest.mark.slow
class TestPlainCosineDistance(MethodContract):
    method = "label_embeddings"
    options = {"cross_entropy": 0.0}
    network = {"network": "II"}


def test_worked_tree(tree):
    expected = [
        [1, 0, 0, 0],
        [0.5, np.sqrt(0.75), 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0.5, np.sqrt(0.75)],
    ]
    np.testing.assert_allclose(tree_embeddings(tree), expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_inner_products(seed):
    tree = random_tree(np.random.default_rng(seed), 12)
    e = tree_embeddings(tree)
    d = distances(tree, "subtree")
    for i in range(12):
        for j in range(12):
            assert e[i] @ e[j] == pytest.approx(1 - d[i, j] / tree.height, abs=1e-12)


def test_classes_are_placed_one_after_the_other():
    """Each embedding solves for its products with those before it; the rest is a new axis."""
    tree = random_tree(np.random.default_rng(5), 9)
    gram = 1 - distances(tree, "subtree") / tree.height
    placed = np.zeros((9, 9))
    for k in range(9):
        if k:
            placed[k, :k] = np.linalg.solve(placed[:k, :k], gram[k, :k])
        placed[k, k] = np.sqrt(1 - placed[k, :k] @ placed[k, :k])
    np.testing.assert_allclose(tree_embeddings(tree), placed, atol=1e-9)


@golden_cases("hierarchies/{name}.json")
def test_benchmark_trees(benchmark_tree, name):
    tree = benchmark_tree(name)
    e = tree_embeddings(tree)
    np.testing.assert_allclose((e * e).sum(axis=1), 1.0, atol=1e-9)
    expected = 1 - tree.distances("subtree") / tree.height
    np.testing.assert_allclose(e @ e.T, expected, atol=1e-9)


def test_scores_are_cosines_to_the_embeddings(tree):
    model = kh.build(backbone(), tree, "label_embeddings", hidden_units=24)
    images, _ = data(tree, 2)
    u = model.features(images).astype("float64")
    rows, _ = model.classifier_weights()
    np.testing.assert_allclose(rows, tree_embeddings(tree), atol=1e-6)
    cosines = u @ rows.T / np.linalg.norm(u, axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(images, verbose=0), cosines, atol=1e-5)


def test_embeddings_are_not_trained(tree):
    model = kh.build(backbone(), tree, "label_embeddings", hidden_units=24)
    images, labels = data(tree, 2)
    model.fit(images, labels, batch_size=4, verbose=0)
    np.testing.assert_allclose(model.classifier_weights()[0], tree_embeddings(tree), atol=1e-6)


def test_errors(tree):
    with pytest.raises(ValueError, match="cross_entropy"):
        kh.methods.get("label_embeddings", tree, cross_entropy=-0.5)
