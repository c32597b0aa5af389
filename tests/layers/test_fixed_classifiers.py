"""Classifiers fixed to the hierarchy-aware frame (dense and structured) and to the simplex ETF."""

import numpy as np
import pytest
from keras import ops

from keras_haframe import frames
from keras_haframe.layers import ETFClassifier, FrameClassifier
from keras_haframe.tree import ClassTree
from tests.brute_force import target_cosines
from tests.golden import frame_case, golden_cases
from tests.gradients import DTYPE, RTOL, assert_close, dot, gradient, numeric_gradient
from tests.layers.fixed import classifiers, rows
from tests.trees import random_tree


def twin(w, x):
    """Logits and cosines of features `x` with vectors `w`, one pair at a time."""
    logits, cosines = np.zeros((2, len(x), len(w)))
    for b in range(len(x)):
        norm = np.sqrt(sum(v * v for v in x[b]))
        for k in range(len(w)):
            logits[b, k] = sum(w[k, p] * x[b, p] for p in range(x.shape[1]))
            cosines[b, k] = logits[b, k] / norm if norm > 1e-8 else 0.0
    return logits, cosines


# Values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", range(6))
def test_twin(uneven_tree, which):
    layer = classifiers(uneven_tree)[which]
    x = np.random.default_rng(0).normal(size=(5, 7))
    x[2] = 0.0
    outputs = layer(x.astype(DTYPE))
    logits, cosines = twin(rows(layer, 7).astype(np.float64), x)
    assert_close(outputs["logits"], logits)
    assert_close(outputs["cosines"], cosines)
    assert set(outputs) == {"logits", "cosines"}


def test_worked_tree_by_hand(tree):
    """At gamma = 1, s_min = 0 siblings are at exp(-1/2) and other pairs at exp(-1)."""
    a, b = np.exp(-0.5), np.exp(-1.0)
    expected = [[1, a, b, b], [a, 1, b, b], [b, b, 1, a], [b, b, a, 1]]
    for frame in ("dense", "structured"):
        w = rows(FrameClassifier(tree, 1.0, min_similarity=0.0, frame=frame, dtype=DTYPE), 4)
        assert_close(w @ w.T, expected)


@pytest.mark.parametrize("convention", ["depth", "subtree"])
@pytest.mark.parametrize("frame", ["dense", "structured"])
@pytest.mark.parametrize("gamma", [0.3, 1.0, 5.0])
def test_gram_matrix_is_the_target(uneven_tree, convention, frame, gamma):
    layer = FrameClassifier(uneven_tree, gamma, frame=frame, convention=convention, dtype=DTYPE)
    w = rows(layer, 7)
    s = target_cosines(uneven_tree, gamma, layer.target.s_min, convention)
    assert_close(w @ w.T, s)
    np.testing.assert_allclose(np.linalg.norm(w, axis=1), 1.0, rtol=RTOL)


def test_conventions_differ_on_the_uneven_tree(uneven_tree):
    grams = [
        (lambda w: w @ w.T)(
            rows(FrameClassifier(uneven_tree, 1.0, min_similarity=0.0, convention=c), 7)
        )
        for c in ("depth", "subtree")
    ]
    l0, l1 = uneven_tree.index("l0"), uneven_tree.index("l1")
    np.testing.assert_allclose(grams[0][l0, l1], np.exp(-2 / 4), rtol=1e-5)
    np.testing.assert_allclose(grams[1][l0, l1], np.exp(-1 / 4), rtol=1e-5)


def test_structured_equals_the_dense_tree_frame():
    """Logits of the structured layer are `x @ TreeFrame.dense().T`, on random trees."""
    rng = np.random.default_rng(1)
    for classes in (2, 3, 9, 30):
        tree = random_tree(rng, classes)
        layer = FrameClassifier(tree, 2.0, frame="structured", dtype=DTYPE)
        w = frames.TreeFrame(tree, 2.0, "grid").dense()
        x = rng.normal(size=(4, classes))
        outputs = layer(x.astype(DTYPE))
        assert_close(outputs["logits"], x @ w.T)
        assert_close(outputs["cosines"], x @ w.T / np.linalg.norm(x, axis=1, keepdims=True))
        assert_close(layer.frame(classes), w)


def test_structured_and_dense_have_one_gram_matrix():
    rng = np.random.default_rng(2)
    for _ in range(3):
        tree = random_tree(rng, 12)
        dense, structured = (
            rows(FrameClassifier(tree, 1.5, min_similarity="exact", frame=s, dtype=DTYPE), 12)
            for s in ("dense", "structured")
        )
        assert_close(structured @ structured.T, dense @ dense.T)
        assert np.abs(structured - dense).max() > 1e-2  # the vectors themselves are turned


@golden_cases("golden/frames.npz", "{case+}__gram")
def test_golden_gram(golden, case):
    """Vectors differ by a rotation from run to run; their Gram matrix is the reference's."""
    file = golden("golden/frames.npz")
    tree, gamma = frame_case(file, case)
    for frame in ("dense", "structured"):
        layer = FrameClassifier(tree, gamma, frame=frame, dtype=DTYPE)
        w = rows(layer, tree.num_classes)
        assert_close(w @ w.T, file[f"{case}__gram"])
        np.testing.assert_allclose(layer.target.s_min, file[f"{case}__smin"], rtol=1e-12)


@golden_cases("golden/haframe_loss.npz", "{name}__logits")
def test_golden_logits(golden, benchmark_tree, name):
    """With the reference's own vectors in the kernel, its logits."""
    file = golden("golden/haframe_loss.npz")
    layer = FrameClassifier(benchmark_tree(name), 1.0, dtype=DTYPE)
    kernel = file[f"{name}__W_rows"].T
    layer.build((None, len(kernel)))
    layer.kernel.assign(kernel)
    outputs = layer(file[f"{name}__features"].astype(DTYPE))
    assert_close(outputs["logits"], file[f"{name}__logits"])


def test_wide_features(tree):
    """More dimensions than classes: same cosines between the vectors."""
    layer = FrameClassifier(tree, 1.0, dtype=DTYPE)
    w = rows(layer, 9)
    assert w.shape == (4, 9)
    assert_close(w @ w.T, target_cosines(tree, 1.0, layer.target.s_min))


@pytest.mark.parametrize("classes,dim", [(2, 1), (2, 2), (5, 4), (5, 5), (10, 23)])
def test_etf_gram(classes, dim):
    w = rows(ETFClassifier(classes, dtype=DTYPE), dim)
    expected = np.full((classes, classes), -1 / (classes - 1))
    np.fill_diagonal(expected, 1.0)
    assert_close(w @ w.T, expected)
    np.testing.assert_allclose(w.sum(0), 0.0, atol=1e-5)


def test_flat_tree_gives_the_etf():
    """On a flat tree the exact bound makes the hierarchy-aware frame a simplex ETF."""
    flat = ClassTree([("root", c) for c in "abcde"])
    w = rows(FrameClassifier(flat, 1.0, min_similarity="exact", dtype=DTYPE), 5)
    etf = rows(ETFClassifier(5, dtype=DTYPE), 5)
    assert_close(w @ w.T, etf @ etf.T)


def test_min_similarity(tree):
    for method in ("grid", "exact"):
        layer = FrameClassifier(tree, 1.0, min_similarity=method)
        assert layer.target.s_min == frames.min_similarity(tree, 1.0, method)
        assert layer.target.min_similarity == method
    assert FrameClassifier(tree, 1.0, min_similarity=0.25).target.s_min == 0.25


@pytest.mark.parametrize("make", [lambda seed, tree: FrameClassifier(tree, 1.0, seed=seed),
                                  lambda seed, tree: ETFClassifier(4, seed=seed)])  # fmt: skip
def test_seed(tree, make):
    first, same, other = (rows(make(seed, tree), 4) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.05
    np.testing.assert_allclose(first @ first.T, other @ other.T, atol=1e-5)


# Gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize("which", range(6))
@pytest.mark.parametrize("output", ["logits", "cosines"])
def test_gradient_by_finite_differences(uneven_tree, which, output):
    rng = np.random.default_rng(4)
    layer = classifiers(uneven_tree)[which]
    x, cotangent = rng.normal(size=(2, 7)), rng.normal(size=(2, 7))
    w = rows(layer, 7).astype(np.float64)
    index = ["logits", "cosines"].index(output)
    expected = numeric_gradient(lambda x: (twin(w, x)[index] * cotangent).sum(), x)
    found = gradient(lambda x: dot(layer(x)[output], cotangent.astype(DTYPE)), x.astype(DTYPE))
    assert_close(found, expected, max(RTOL, 1e-5))


@pytest.mark.parametrize("frame", ["dense", "structured"])
def test_gradient_at_zero_features(tree, frame):
    """Zero features have no direction: cosines 0 and no pull, rather than NaN or 1e8."""
    layer = FrameClassifier(tree, 1.0, frame=frame)
    x = np.zeros((2, 4), "float32")
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(x)["cosines"]), np.zeros((2, 4)))
    found = gradient(lambda x: ops.sum(ops.square(layer(x)["cosines"] - 0.5)), x)
    np.testing.assert_array_equal(found, np.zeros((2, 4)))


@pytest.mark.parametrize("frame", ["dense", "structured"])
def test_compiled_gradient(uneven_tree, frame):
    """Under XLA the same gradient as without."""
    layer = FrameClassifier(uneven_tree, 1.0, frame=frame, dtype=DTYPE)
    layer.build((None, 7))
    rng = np.random.default_rng(5)
    x, cotangent = rng.normal(size=(3, 7)).astype(DTYPE), rng.normal(size=(3, 7)).astype(DTYPE)

    def fn(x):
        return dot(layer(x)["logits"], cotangent) + dot(layer(x)["cosines"], cotangent)

    assert_close(gradient(fn, x, compiled=True), gradient(fn, x))
