"""Unit-norm classifiers per level (golden vectors: tests/losses/test_hafeature.py)."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.layers import UnitClassifiers
from tests.brute_force import level_names
from tests.gradients import assert_close, gradient
from tests.trees import TREES

X = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")


def units(head, level: int) -> np.ndarray:
    """Unit vectors of a level as rows, float64."""
    rows = ops.convert_to_numpy(head.kernels[level]).T.astype("float64")
    return np.array([row / np.sqrt(sum(v * v for v in row)) for row in rows])


@pytest.mark.parametrize("kind", TREES)
def test_logits_equal_loops(kind):
    head = UnitClassifiers(TREES[kind]())
    head.build(X.shape)
    for bias in head.biases:
        bias.assign(np.arange(bias.shape[0]))
    outputs = head(X)
    for level, name in enumerate(head.levels.names):
        want = [[row @ unit + i for i, unit in enumerate(units(head, level))] for row in X]
        assert_close(outputs[name], want, 1e-5)


@pytest.mark.parametrize("kind", TREES)
def test_geometry_equals_loops(kind):
    tree = TREES[kind]()
    head = UnitClassifiers(tree)
    geometry = ops.convert_to_numpy(head(X)["geometry"])
    total = 0.0
    for level in range(1, tree.height):
        upper, lower = level_names(tree, level), level_names(tree, level + 1)
        nodes, children = list(dict.fromkeys(upper)), list(dict.fromkeys(lower))
        parent_of = dict(zip(lower, upper))
        cosines = []
        for i, node in enumerate(nodes):
            below = [units(head, level)[j] for j, c in enumerate(children) if parent_of[c] == node]
            summed = np.sum(below, axis=0)
            cosines.append(units(head, level - 1)[i] @ summed / np.linalg.norm(summed))
        total += np.mean(cosines)
    np.testing.assert_allclose(geometry, np.full(5, total), rtol=1e-4, atol=1e-6)


def test_geometry_is_one_where_children_surround_their_parent(tree):
    head = UnitClassifiers(tree)
    head.build((None, 2))
    head.kernels[0].assign(np.array([[3.0, 0.0], [0.0, 2.0]]).T)
    head.kernels[1].assign(np.array([[1.0, 0.5], [4.0, -2.0], [0.0, 1.0], [0.0, 7.0]]).T)
    np.testing.assert_allclose([float(t) for t in head.geometry()], [1.0], rtol=1e-6)


def test_scale_of_the_kernel_plays_no_part(uneven_tree):
    head = UnitClassifiers(uneven_tree)
    before = head(X)
    for kernel in head.kernels:
        kernel.assign(7.0 * kernel)
    after = head(X)
    for name in before:
        assert_close(after[name], ops.convert_to_numpy(before[name]), 1e-5)


def test_shuffle_is_random_in_training_and_constant_otherwise(uneven_tree):
    head = UnitClassifiers(uneven_tree, seed=3)
    first, second = (ops.convert_to_numpy(head(X, training=True)["shuffle"]) for _ in range(2))
    assert first.shape == (5, 3) and (first != second).all()
    assert not ops.convert_to_numpy(head(X, training=False)["shuffle"]).any()
    again = UnitClassifiers(uneven_tree, seed=3)
    np.testing.assert_array_equal(ops.convert_to_numpy(again(X, training=True)["shuffle"]), first)
    other = UnitClassifiers(uneven_tree, seed=4)
    assert (ops.convert_to_numpy(other(X, training=True)["shuffle"]) != first).any()


def test_shuffled_orders_are_uniform(tree):
    head = UnitClassifiers(tree)
    x = np.ones((3, 2), "float32")
    orders = [
        tuple(np.argsort(ops.convert_to_numpy(head(x, training=True)["shuffle"])[:, 0]))
        for _ in range(300)
    ]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6 and min(counts) > 25  # 50 expected, 25 is 3.9 deviations away


def test_the_generator_is_tracked(tree):
    head = UnitClassifiers(tree)
    head(X)
    assert len(head.non_trainable_variables) == 1 and len(head.trainable_variables) == 4
    fixed = [v.value for v in head.non_trainable_variables]
    trained = [v.value for v in head.trainable_variables]
    _, moved = head.stateless_call(trained, fixed, X, training=True)
    assert (ops.convert_to_numpy(moved[0]) != ops.convert_to_numpy(fixed[0])).any()


def test_kernel_and_bias_make_the_scores(uneven_tree):
    head = UnitClassifiers(uneven_tree)
    logits = ops.convert_to_numpy(head(X)["logits"])
    kernel, bias = ops.convert_to_numpy(head.kernel), ops.convert_to_numpy(head.bias)
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(X @ kernel + bias, logits, rtol=1e-5, atol=1e-6)


def test_zero_vectors_stay_finite(tree):
    head = UnitClassifiers(tree)
    head.build((None, 6))
    for kernel in head.kernels:
        kernel.assign(np.zeros(kernel.shape))
    outputs = head(X)
    assert all(np.isfinite(ops.convert_to_numpy(v)).all() for v in outputs.values())

    def total(kernel):
        weights = [kernel, *(v.value for v in head.trainable_variables[1:])]
        fixed = [v.value for v in head.non_trainable_variables]
        found, _ = head.stateless_call(weights, fixed, X)
        return ops.sum(found["logits_1"]) + ops.sum(found["geometry"])

    assert np.isfinite(gradient(total, np.zeros((6, 2), "float32"))).all()


def test_opposite_children_stay_finite(tree):
    head = UnitClassifiers(tree)
    head.build((None, 1))
    head.kernels[1].assign(np.array([[1.0, -1.0, 2.0, -2.0]]))
    np.testing.assert_allclose([float(t) for t in head.geometry()], [0.0], atol=1e-6)


def test_config_round_trip(tree):
    head = UnitClassifiers(tree, seed=5, name="classifier")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(head))
    assert again.seed == 5 and again.tree == tree and again.name == "classifier"
    shapes = {k: tuple(v.shape) for k, v in again(X).items()}
    assert again.compute_output_shape((5, 6)) == shapes


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_float32_under_mixed_precision(tree, policy):
    keras.config.set_dtype_policy(policy)
    outputs = UnitClassifiers(tree)(ops.ones((2, 5), dtype=policy.removeprefix("mixed_")))
    assert {keras.backend.standardize_dtype(v.dtype) for v in outputs.values()} == {"float32"}


def test_flat_tree_has_no_shuffle():
    head = UnitClassifiers(kh.ClassTree([("r", "a"), ("r", "b")]))
    outputs = head(X, training=True)
    assert sorted(outputs) == ["geometry", "logits"]
    assert not ops.convert_to_numpy(outputs["geometry"]).any()
    assert head.compute_output_shape((5, 6)) == {"logits": (5, 2), "geometry": (5,)}
