"""The cosine loss and its target rows, against golden vectors, loops and finite differences."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe import frames
from keras_haframe.layers import FrameClassifier
from keras_haframe.losses import FrameCosineLoss
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops import target_rows
from tests.brute_force import target_cosines
from tests.golden import gamma_of, golden_cases
from tests.gradients import DTYPE, RTOL, assert_close, gradient, numeric_gradient
from tests.trees import random_tree


def twin(labels, cosines, s):
    """Loss per example: squared differences, summed over the classes one by one."""
    return np.array(
        [sum((cosines[b, k] - s[y, k]) ** 2 for k in range(len(s))) for b, y in enumerate(labels)]
    )


@pytest.fixture
def example(uneven_tree):
    rng = np.random.default_rng(0)
    return rng.integers(0, 7, 5), rng.uniform(-1, 1, (5, 7))


# Values --------------------------------------------------------------------------------------


def test_by_hand(tree):
    """gamma = 1, s_min = 0: row of car is (1, exp(-1/2), exp(-1), exp(-1))."""
    loss = FrameCosineLoss(tree, 1.0, min_similarity=0.0, dtype=DTYPE)
    expected = 1 + np.exp(-1) + 2 * np.exp(-2)  # all cosines zero
    assert_close(loss(np.array([0]), np.zeros((1, 4))), expected)


@pytest.mark.parametrize("convention", ["depth", "subtree"])
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_twin(uneven_tree, example, gamma, convention):
    labels, cosines = example
    s = target_cosines(uneven_tree, gamma, 0.1, convention)
    loss = FrameCosineLoss(
        uneven_tree, gamma, min_similarity=0.1, convention=convention, reduction="none", dtype=DTYPE
    )
    assert_close(loss(labels, cosines), twin(labels, cosines, s))


@pytest.mark.parametrize("method", ["grid", "exact"])
def test_min_similarity(uneven_tree, example, method):
    labels, cosines = example
    s = target_cosines(uneven_tree, 1.0, frames.min_similarity(uneven_tree, 1.0, method))
    loss = FrameCosineLoss(uneven_tree, 1.0, min_similarity=method, dtype=DTYPE)
    assert_close(loss(labels, cosines), twin(labels, cosines, s).mean())


def test_random_trees():
    rng = np.random.default_rng(1)
    for classes in (2, 5, 17):
        tree = random_tree(rng, classes)
        labels, cosines = rng.integers(0, classes, 4), rng.uniform(-1, 1, (4, classes))
        s = target_cosines(tree, 1.5, 0.05)
        loss = FrameCosineLoss(tree, 1.5, min_similarity=0.05, reduction="none", dtype=DTYPE)
        assert_close(loss(labels, cosines), twin(labels, cosines, s))


@pytest.mark.parametrize("frame", ["dense", "structured"])
def test_zero_on_the_class_vectors(uneven_tree, frame):
    """Features on the vector of their class, of any length, cost nothing; others do."""
    layer = FrameClassifier(uneven_tree, 1.0, frame=frame)
    x = 3.7 * layer.frame(7)
    loss = FrameCosineLoss(uneven_tree, 1.0, reduction="none")
    cosines = layer(x.astype("float32"))
    np.testing.assert_allclose(ops.convert_to_numpy(loss(np.arange(7), cosines)), 0, atol=1e-9)
    assert ops.convert_to_numpy(loss(np.roll(np.arange(7), 1), cosines)).min() > 0.1


def test_takes_outputs_by_name(uneven_tree, example):
    labels, cosines = example
    loss = FrameCosineLoss(uneven_tree, 1.0)
    named = loss(labels, {"logits": 5 * cosines, "cosines": cosines})
    assert float(named) == float(loss(labels, cosines))


# Golden vectors ------------------------------------------------------------------------------


@golden_cases("golden/haframe_loss.npz", "{name}__gscsl_batchmean")
def test_golden(golden, benchmark_tree, name):
    file = golden("golden/haframe_loss.npz")
    tree = benchmark_tree(name)
    gamma = gamma_of(file[f"{name}__S"], tree.distances())
    features, labels = file[f"{name}__features"], file[f"{name}__labels"]
    logits = features @ file[f"{name}__W_rows"].T
    cosines = logits / np.linalg.norm(features, axis=1, keepdims=True)
    for reduction, key in (("sum_over_batch_size", "batchmean"), ("sum", "sum")):
        loss = FrameCosineLoss(tree, gamma, reduction=reduction, dtype=DTYPE)
        assert_close(loss(labels, cosines), file[f"{name}__gscsl_{key}"])


# Gradients -----------------------------------------------------------------------------------


def test_gradient_by_finite_differences(uneven_tree, example):
    labels, cosines = example
    s = target_cosines(uneven_tree, 1.0, 0.0)
    loss = FrameCosineLoss(uneven_tree, 1.0, min_similarity=0.0, dtype=DTYPE)
    expected = numeric_gradient(lambda c: twin(labels, c, s).mean(), cosines)
    found = gradient(lambda c: loss(labels, c), cosines.astype(DTYPE))
    assert_close(found, expected, max(RTOL, 1e-6))


@pytest.mark.parametrize("frame", ["dense", "structured"])
def test_gradient_to_the_features(uneven_tree, frame):
    """Through the classifier's cosines, against differences of the loops."""
    rng = np.random.default_rng(4)
    layer = FrameClassifier(uneven_tree, 1.0, min_similarity=0.0, frame=frame, dtype=DTYPE)
    loss = FrameCosineLoss(uneven_tree, 1.0, min_similarity=0.0, dtype=DTYPE)
    labels, x = rng.integers(0, 7, 3), rng.normal(size=(3, 7))
    w, s = layer.frame(7), target_cosines(uneven_tree, 1.0, 0.0)

    def value(x):
        return twin(labels, x @ w.T / np.linalg.norm(x, axis=1, keepdims=True), s).mean()

    found = gradient(lambda x: loss(labels, layer(x)), x.astype(DTYPE))
    assert_close(found, numeric_gradient(value, x), max(RTOL, 1e-6))
    np.testing.assert_allclose((found * x).sum(1), 0, atol=1e-5)  # length of features is free


@pytest.mark.parametrize("limit", [1, 2048])
def test_compiled_gradient(uneven_tree, example, monkeypatch, limit):
    monkeypatch.setattr(target_rows, "DENSE_LIMIT", limit)
    labels, cosines = example
    loss = FrameCosineLoss(uneven_tree, 1.0, dtype=DTYPE)
    cosines = cosines.astype(DTYPE)
    assert_close(
        gradient(lambda c: loss(labels, c), cosines, compiled=True),
        gradient(lambda c: loss(labels, c), cosines),
    )


# Extreme inputs ------------------------------------------------------------------------------


def test_zero_features(tree):
    """No direction: every cosine is 0, the loss is that of the row alone."""
    layer, loss = (
        FrameClassifier(tree, 1.0, min_similarity=0.0),
        FrameCosineLoss(tree, 1.0, min_similarity=0.0),
    )
    x = np.zeros((2, 4), "float32")
    expected = (target_cosines(tree, 1.0, 0.0)[[1, 3]] ** 2).sum(1).mean()
    np.testing.assert_allclose(float(loss(np.array([1, 3]), layer(x))), expected, rtol=1e-6)


def test_missing_class_and_batch_of_one(uneven_tree):
    """Batches need not hold every class; each example stands alone."""
    rng = np.random.default_rng(5)
    cosines = rng.uniform(-1, 1, (4, 7)).astype("float32")
    labels = np.array([2, 2, 5, 2])
    each = FrameCosineLoss(uneven_tree, 1.0, reduction="none")
    alone = [
        float(FrameCosineLoss(uneven_tree, 1.0)(labels[i : i + 1], cosines[i : i + 1]))
        for i in range(4)
    ]
    np.testing.assert_allclose(ops.convert_to_numpy(each(labels, cosines)), alone, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_many_classes_in_half_precision(dtype):
    """Half precision would mix up labels above 256 and make sums of 400 squares coarse."""
    tree = ClassTree([("root", f"g{i}") for i in range(20)]
                     + [(f"g{i // 20}", f"c{i}") for i in range(400)])  # fmt: skip
    labels = np.array([257, 301, 399])
    exact = FrameCosineLoss(tree, 1.0, reduction="none")
    cosines = ops.cast(np.random.default_rng(6).uniform(-1, 1, (3, 400)), dtype)
    expected = exact(labels, ops.cast(cosines, "float32"))
    keras.config.set_dtype_policy(f"mixed_{dtype}")
    found = FrameCosineLoss(tree, 1.0, reduction="none")(labels, cosines)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), ops.convert_to_numpy(expected))
    s = ops.convert_to_numpy(exact.targets(labels))
    assert s.argmax(1).tolist() == labels.tolist()


def test_sample_weight(uneven_tree, example):
    labels, cosines = example
    weight = np.array([0.0, 1.0, 2.0, 0.0, 0.5])
    s = target_cosines(uneven_tree, 1.0, 0.0)
    found = FrameCosineLoss(uneven_tree, 1.0, min_similarity=0.0, dtype=DTYPE)(
        labels, cosines, weight
    )
    assert_close(found, (twin(labels, cosines, s) * weight).mean())


# Errors --------------------------------------------------------------------------------------


def test_wrong_number_of_classes(uneven_tree):
    with pytest.raises(ValueError, match=r"Cosines must have shape \[batch, 7\].*\(2, 6\)"):
        FrameCosineLoss(uneven_tree, 1.0)(np.array([0, 1]), np.zeros((2, 6)))


def test_label_shapes(uneven_tree, example):
    labels, cosines = example
    with pytest.raises(ValueError, match=r"\(5, 1\). Drop the last axis"):
        FrameCosineLoss(uneven_tree, 1.0)(labels[:, None], cosines)
    with pytest.raises(ValueError, match=r"one-hot: use `numpy\.argmax"):
        FrameCosineLoss(uneven_tree, 1.0)(np.eye(7)[labels], cosines)


def test_bad_options(tree):
    with pytest.raises(ValueError, match="`gamma` must be positive"):
        FrameCosineLoss(tree, -1.0)
    with pytest.raises(ValueError, match="`min_similarity` must be at least"):
        FrameCosineLoss(tree, 1.0, min_similarity=-2.0)
    with pytest.raises(ValueError, match="`tree` must be a keras_haframe"):
        FrameCosineLoss("cifar100", 1.0)
    with pytest.raises(ValueError, match="`convention` must be one of"):
        FrameCosineLoss(tree, 1.0, convention="up")


# Contract ------------------------------------------------------------------------------------


def test_config_round_trip(uneven_tree, example):
    labels, cosines = example
    loss = FrameCosineLoss(
        uneven_tree,
        2.0,
        min_similarity="exact",
        convention="subtree",
        name="cos",
        reduction="sum",
        dtype="float64",
    )
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, FrameCosineLoss)
    assert again.get_config() == loss.get_config()
    assert float(again(labels, cosines)) == float(loss(labels, cosines))


def test_saved_model_loads_in_safe_mode(tree, tmp_path):
    """One loss per named output; the loss comes back with the model."""
    inputs = keras.Input((4,))
    model = keras.Model(inputs, FrameClassifier(tree, 1.0)(keras.layers.Dense(4)(inputs)))
    model.compile("sgd", {"cosines": FrameCosineLoss(tree, 1.0)}, jit_compile=False)
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(8, 4)), {"cosines": rng.integers(0, 4, 8)}
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    assert isinstance(again.loss["cosines"], FrameCosineLoss)
    assert again.loss["cosines"].target.tree == tree
    np.testing.assert_allclose(
        again.evaluate(x, y, verbose=0), model.evaluate(x, y, verbose=0), rtol=1e-6
    )
