"""The HAFrame loss: golden totals and gradients, schedules, XLA, extreme inputs."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.layers import FrameClassifier
from keras_haframe.losses import CrossEntropy, FrameCosineLoss, HAFrameLoss
from keras_haframe.tree import ClassTree
from tests.brute_force import distances
from tests.golden import gamma_of, golden_cases
from tests.gradients import (
    DTYPE,
    RTOL,
    assert_close,
    gradient,
    numeric_gradient,
    value_and_gradients,
)


def twin(labels, x, w, s, alpha):
    """Total loss per example in NumPy, with loops over examples and classes."""
    beta = 1 - alpha if alpha <= 1 else 1.0
    losses = []
    for y, f in zip(labels, x):
        z = [sum(f[p] * w[k, p] for p in range(len(f))) for k in range(len(w))]
        norm = math.sqrt(sum(v * v for v in f))
        ce = max(z) + math.log(sum(math.exp(v - max(z)) for v in z)) - z[y]
        cosine = sum((z[k] / norm - s[y, k]) ** 2 for k in range(len(w)))
        losses.append(beta * ce + alpha * cosine)
    return np.array(losses)


# Golden vectors ------------------------------------------------------------------------------


@golden_cases("golden/haframe_loss.npz", "{name}__alpha{alpha}__{reduction}__loss")
@pytest.mark.parametrize("dtype,rtol", [(DTYPE, RTOL), ("float32", 1e-4)])
def test_golden(golden, benchmark_tree, name, alpha, reduction, dtype, rtol):
    """Total loss and gradient with respect to the features, with the reference's own vectors."""
    file = golden("golden/haframe_loss.npz")
    tree = benchmark_tree(name)
    gamma = gamma_of(file[f"{name}__S"], tree.distances())
    classifier = FrameClassifier(tree, gamma, dtype=dtype)
    classifier.build((None, tree.num_classes))
    classifier.kernel.assign(file[f"{name}__W_rows"].T)
    keras_name = {"batchmean": "sum_over_batch_size", "sum": "sum"}[reduction]
    loss = HAFrameLoss(tree, gamma, alpha=float(alpha), reduction=keras_name, dtype=dtype)
    labels = file[f"{name}__labels"]
    value, (found,) = value_and_gradients(
        lambda x: loss(labels, classifier(x)), [file[f"{name}__features"].astype(dtype)]
    )
    key = f"{name}__alpha{alpha}__{reduction}"
    np.testing.assert_allclose(value, file[f"{key}__loss"], rtol=rtol)
    assert_close(found, file[f"{key}__grad_features"], rtol)
    weights = (float(file[f"{name}__alpha{alpha}__beta"]), float(alpha))
    assert loss.weights() == pytest.approx(weights, rel=1e-12)


# A twin in NumPy -----------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0, 3.0])
@pytest.mark.parametrize("frame", ["dense", "structured"])
@pytest.mark.parametrize("convention", ["depth", "subtree"])
def test_twin(uneven_tree, alpha, frame, convention):
    """Values, and gradients by finite differences of the loops."""
    rng = np.random.default_rng(0)
    options = {"min_similarity": 0.0, "convention": convention, "dtype": DTYPE}
    classifier = FrameClassifier(uneven_tree, 1.5, frame=frame, **options)
    loss = HAFrameLoss(uneven_tree, 1.5, alpha=alpha, **options)
    labels, x = rng.integers(0, 7, 3), rng.normal(size=(3, 7))
    d = distances(uneven_tree, convention)
    w, s = classifier.frame(7), np.exp(-1.5 * d / d.max())
    value, (found,) = value_and_gradients(lambda x: loss(labels, classifier(x)), [x.astype(DTYPE)])
    np.testing.assert_allclose(value, twin(labels, x, w, s, alpha).mean(), rtol=RTOL)
    expected = numeric_gradient(lambda x: twin(labels, x, w, s, alpha).mean(), x)
    assert_close(found, expected, max(RTOL, 1e-5))


@pytest.mark.parametrize(
    "alpha,beta", [(0, 1), (0.25, 0.75), (1, 0), (1.5, 1), (np.float32(0.5), 0.5)]
)
def test_weights(tree, alpha, beta):
    loss = HAFrameLoss(tree, 1.0, alpha=alpha)
    assert loss.weights() == (beta, float(alpha))
    rng = np.random.default_rng(1)
    labels = np.array([0, 3, 2])
    outputs = {k: rng.uniform(-1, 1, (3, 4)).astype("float32") for k in ("logits", "cosines")}
    expected = beta * float(CrossEntropy()(labels, outputs))
    expected += float(alpha) * float(FrameCosineLoss(tree, 1.0)(labels, outputs))
    np.testing.assert_allclose(float(loss(labels, outputs)), expected, rtol=1e-6)


# XLA -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("frame", ["dense", "structured"])
@pytest.mark.parametrize("alpha", [0.5, 1.5])
def test_compiled_step(uneven_tree, frame, alpha):
    """One step of features -> classifier -> loss -> gradient under XLA, equal to the eager one."""
    rng = np.random.default_rng(3)
    classifier = FrameClassifier(uneven_tree, 1.0, frame=frame)
    classifier.build((None, 7))
    loss = HAFrameLoss(uneven_tree, 1.0, alpha=alpha)
    labels, x = rng.integers(0, 7, 4), rng.normal(size=(4, 7)).astype("float32")
    x[1] = 0.0  # zero features must stay finite when compiled, too

    def fn(x):
        return loss(labels, classifier(x))

    value, (found,) = value_and_gradients(fn, [x], compiled=True)
    eager_value, (eager,) = value_and_gradients(fn, [x])
    assert np.isfinite(value)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(value, eager_value, rtol=1e-5)
    assert_close(found, eager, 1e-4)


def test_compiled_step_of_five_thousand_classes():
    """Structured frame and summed target rows: finite, and no K x K constant in the program."""
    edges = [("root", f"g{i}") for i in range(50)]
    edges += [(f"g{i % 50}", f"c{i}") for i in range(5000)]
    tree = ClassTree(edges, [f"c{i}" for i in range(5000)])
    classifier = FrameClassifier(tree, 2.0, frame="structured")
    classifier.build((None, 5000))
    loss = HAFrameLoss(tree, 2.0)
    assert loss.cosine.targets.table is None
    x = np.random.default_rng(4).normal(size=(2, 5000)).astype("float32")
    value, (found,) = value_and_gradients(
        lambda x: loss(np.array([0, 4999]), classifier(x)), [x], compiled=True
    )
    assert np.isfinite(value)
    assert np.isfinite(found).all()
    assert np.abs(found).max() > 0


@pytest.mark.slow
def test_compiled_training(tree):
    """`fit` with `jit_compile=True` where Keras has it: finite and falling loss."""
    rng = np.random.default_rng(5)
    y = rng.integers(0, 4, 64)
    x = (np.eye(4)[y] + 0.1 * rng.normal(size=(64, 4))).astype("float32")
    inputs = keras.Input((4,))
    outputs = FrameClassifier(tree, 1.0)(keras.layers.Dense(4)(inputs))

    class Trained(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return self.loss(y, y_pred, sample_weight)

    model = Trained(inputs, outputs)
    compiled = keras.backend.backend() != "torch"
    model.compile(keras.optimizers.SGD(0.5), HAFrameLoss(tree, 1.0), jit_compile=compiled)
    history = model.fit(x, y, epochs=5, batch_size=16, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    assert history[-1] < 0.5 * history[0]


# Extreme inputs ------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", ["dense", "structured"])
@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e4, 1e15])
def test_features_of_any_length(uneven_tree, frame, scale):
    """Zero features to logits of 1e15: finite loss and gradient."""
    classifier = FrameClassifier(uneven_tree, 1.0, frame=frame)
    loss = HAFrameLoss(uneven_tree, 1.0)
    x = (scale * np.random.default_rng(6).normal(size=(3, 7))).astype("float32")
    value, (found,) = value_and_gradients(lambda x: loss(np.array([0, 6, 2]), classifier(x)), [x])
    assert np.isfinite(value)
    assert np.isfinite(found).all()


def test_huge_logits(tree):
    loss = HAFrameLoss(tree, 1.0, alpha=0.0)
    logits = np.array([[1e4, 0.0, -1e4, 0.0]], "float32")
    outputs = {"logits": logits, "cosines": 0 * logits}
    np.testing.assert_allclose(float(loss(np.array([2]), outputs)), 2e4)
    np.testing.assert_allclose(float(loss(np.array([0]), outputs)), 0.0)


@pytest.mark.parametrize("dtype", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
def test_many_classes_in_half_precision(dtype):
    """Features in half precision and labels above 256: as exact as float32 from these features."""
    tree = ClassTree([("root", f"g{i}") for i in range(20)]
                     + [(f"g{i // 20}", f"c{i}") for i in range(400)])  # fmt: skip
    labels = np.array([256, 257, 301, 399])
    x = ops.cast(np.random.default_rng(7).normal(size=(4, 400)), dtype)
    exact = HAFrameLoss(tree, 1.0)(labels, FrameClassifier(tree, 1.0)(ops.cast(x, "float32")))
    keras.config.set_dtype_policy(f"mixed_{dtype}")
    found = HAFrameLoss(tree, 1.0)(labels, FrameClassifier(tree, 1.0)(x))
    np.testing.assert_allclose(float(found), float(exact), rtol=1e-6)


def test_batch_of_one_and_sample_weight(uneven_tree):
    rng = np.random.default_rng(8)
    labels = np.array([3, 3, 0])
    outputs = {k: rng.uniform(-1, 1, (3, 7)).astype("float32") for k in ("logits", "cosines")}
    loss = HAFrameLoss(uneven_tree, 1.0)
    alone = [
        float(loss(labels[i : i + 1], {k: v[i : i + 1] for k, v in outputs.items()}))
        for i in range(3)
    ]
    np.testing.assert_allclose(float(loss(labels, outputs)), np.mean(alone), rtol=1e-6)
    weight = np.array([0.0, 2.0, 0.5])
    np.testing.assert_allclose(
        float(loss(labels, outputs, weight)), np.mean(alone * weight), rtol=1e-6
    )


# Errors and contract -------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [-0.1, float("nan"), float("inf"), None, [0.5], "cosine"])
def test_bad_alpha(tree, alpha):
    with pytest.raises(ValueError, match=r"`alpha` must be a number in \[0, inf\)"):
        HAFrameLoss(tree, 1.0, alpha=alpha)


def test_bad_gamma(tree):
    with pytest.raises(ValueError, match="`gamma` must be positive"):
        HAFrameLoss(tree, 0.0)


@pytest.mark.parametrize("outputs", [np.zeros((2, 4)), {"logits": np.zeros((2, 4))}])
def test_needs_both_outputs(tree, outputs):
    with pytest.raises(ValueError, match=r"takes the outputs \{'logits', 'cosines'\} of a Frame"):
        HAFrameLoss(tree, 1.0)(np.array([0, 1]), outputs)


def test_label_shapes(tree):
    outputs = {"logits": np.zeros((2, 4)), "cosines": np.zeros((2, 4))}
    with pytest.raises(ValueError, match=r"\(2, 1\). Drop the last axis"):
        HAFrameLoss(tree, 1.0)(np.array([[0], [1]]), outputs)
    with pytest.raises(ValueError, match=r"one-hot: use `numpy\.argmax"):
        HAFrameLoss(tree, 1.0)(np.eye(4)[:2], outputs)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"alpha": 2, "min_similarity": "exact", "convention": "subtree", "reduction": "sum"},
        {"alpha": 0.3, "mapping": "linear", "dtype": "float64", "name": "mixed"},
    ],
)
def test_config_round_trip(uneven_tree, options):
    loss = HAFrameLoss(uneven_tree, 1.5, **options)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, HAFrameLoss)
    assert again.get_config() == loss.get_config()
    rng = np.random.default_rng(9)
    outputs = {k: rng.uniform(-1, 1, (3, 7)) for k in ("logits", "cosines")}
    assert float(again(np.array([0, 1, 6]), outputs)) == float(loss(np.array([0, 1, 6]), outputs))


@pytest.mark.slow
def test_gradient_descent_reaches_the_class_vectors(tree):
    """Minimizing the cosine part turns features onto the vectors of their classes."""
    classifier = FrameClassifier(tree, 1.0, min_similarity=0.0)
    loss = HAFrameLoss(tree, 1.0, alpha=1.0, min_similarity=0.0)
    labels = np.arange(4)
    x = classifier.frame(4) + 0.3 * np.random.default_rng(10).normal(size=(4, 4))
    x = x.astype("float32")
    for _ in range(200):
        x -= 0.5 * gradient(lambda x: loss(labels, classifier(x)), x)
    cosines = ops.convert_to_numpy(classifier(x)["cosines"])
    np.testing.assert_allclose(cosines, np.exp(-distances(tree) / 2), atol=1e-3)
