import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.losses import CPCCLoss
from tests.brute_force import distances
from tests.golden import golden_cases
from tests.gradients import DTYPE, assert_close, gradient
from tests.losses import twins
from tests.losses.checks import check_finite, check_loss, extremes
from tests.trees import random_tree


def twin(z, kernel, labels, d, weight):
    entropy = 0.0
    for row, y in zip(z @ kernel, labels):
        entropy += np.log(np.exp(row - row.max()).sum()) + row.max() - row[y]
    return entropy / len(labels) + weight * (1 - twins.cpcc(z, labels, d))


def head(kernel):
    def outputs(z):
        logits = ops.matmul(z, ops.convert_to_tensor(kernel, dtype=z.dtype))
        return {"logits": logits, "features": z}

    return outputs


@golden_cases("golden_ext/cpcc_{name}.npz")
def test_golden(golden, name):
    g = golden(f"golden_ext/cpcc_{name}.npz")
    edges = [("root", f"g{p}") for p in sorted(set(g["coarse"].tolist()))]
    edges += [(f"g{p}", f"c{k}") for k, p in enumerate(g["coarse"])]
    tree = kh.ClassTree(edges, [f"c{k}" for k in range(len(g["coarse"]))])
    loss = CPCCLoss(tree)
    labels = ops.convert_to_tensor(g["y"])
    assert_close(1 - loss.correlation(labels, ops.convert_to_tensor(g["z"])), g["loss"], 1e-4)
    dz = gradient(lambda z: 1 - loss.correlation(labels, z), g["z"])
    assert_close(dz, g["dz"], 1e-4)


def test_worked_tree(tree):
    # car at 0, truck at 1, jet at 3 on a line: distances 1, 3, 2 against heights 1, 2, 2.
    z = ops.convert_to_tensor([[0.0], [1.0], [3.0]])
    r = CPCCLoss(tree).correlation(ops.convert_to_tensor([0, 1, 2]), z)
    assert float(r) == pytest.approx(np.corrcoef([1, 3, 2], [1, 2, 2])[0, 1], rel=1e-5)
    assert float(r) == pytest.approx(np.sqrt(3) / 2, rel=1e-5)
    outputs = {"logits": ops.zeros((3, 4)), "features": z}
    value = float(CPCCLoss(tree, weight=2.0)([0, 1, 2], outputs))
    assert value == pytest.approx(np.log(4) + 2 * (1 - np.sqrt(3) / 2), rel=1e-5)


@pytest.mark.parametrize("convention", ["depth", "subtree"])
def test_twin(uneven_tree, convention):
    rng = np.random.default_rng(11)
    kernel, labels = rng.standard_normal((5, 7)), np.array([0, 0, 3, 3, 3, 5, 1, 6, 6, 2])
    d = distances(uneven_tree, convention)
    check_loss(
        CPCCLoss(uneven_tree, weight=0.7, convention=convention, dtype=DTYPE),
        labels,
        head(kernel),
        lambda z: twin(z, kernel, labels, d, 0.7),
        rng.standard_normal((10, 5)),
    )


@pytest.mark.parametrize("seed", range(3))
def test_random_trees_and_order_of_examples(seed):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, 9)
    z, labels = rng.standard_normal((16, 4)), rng.integers(0, 9, 16)
    loss = CPCCLoss(tree, dtype=DTYPE)
    expected = twins.cpcc(z, labels, distances(tree))
    for order in (np.arange(16), rng.permutation(16)):
        r = loss.correlation(
            ops.convert_to_tensor(labels[order]), ops.convert_to_tensor(z[order], dtype=DTYPE)
        )
        assert_close(r, expected, 1e-6 if DTYPE == "float64" else 1e-4)


def test_means_on_the_tree_correlate_perfectly(tree):
    # Siblings 0.4 apart, all other pairs equally far: an ultrametric, as the tree is.
    z = np.array([[1, 0.2, 0], [1, -0.2, 0], [-1, 0, 0.2], [-1, 0, -0.2]], "float32")
    r = CPCCLoss(tree).correlation(ops.arange(4), ops.convert_to_tensor(z))
    assert float(r) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("labels", [[0] * 5, [0, 0, 1, 1, 1]])
def test_undefined_correlation_counts_as_zero(tree, labels):
    z = np.random.default_rng(0).standard_normal((5, 3)).astype("float32")
    loss = CPCCLoss(tree)
    labels = ops.convert_to_tensor(labels)
    assert float(loss.correlation(labels, ops.convert_to_tensor(z))) == 0.0
    assert not gradient(lambda z: loss.correlation(labels, z), z).any()


def test_flat_tree_leaves_cross_entropy():
    flat = kh.ClassTree([("root", c) for c in "abcde"])
    rng = np.random.default_rng(0)
    z, labels = (
        rng.standard_normal((6, 3)).astype("float32"),
        ops.convert_to_tensor([0, 1, 2, 3, 4, 4]),
    )
    loss = CPCCLoss(flat)
    assert float(loss.correlation(labels, ops.convert_to_tensor(z))) == 0.0
    assert not gradient(lambda z: loss.correlation(labels, z), z).any()


def test_scale_of_features_does_not_matter(uneven_tree):
    rng = np.random.default_rng(1)
    z, labels = (
        rng.standard_normal((8, 3)).astype(DTYPE),
        ops.convert_to_tensor([0, 1, 2, 3, 4, 5, 6, 6]),
    )
    loss = CPCCLoss(uneven_tree, dtype=DTYPE)
    expected = float(loss.correlation(labels, ops.convert_to_tensor(z)))
    for scale in (1e-3, 1e3):
        r = loss.correlation(labels, ops.convert_to_tensor(scale * z + 2 * scale))
        assert_close(r, expected, 1e-4)


def test_extreme_inputs_stay_finite(uneven_tree):
    rng = np.random.default_rng(2)
    labels = np.array([0, 1, 2, 3, 4, 5, 6, 6])
    check_finite(
        CPCCLoss(uneven_tree), labels, head(rng.standard_normal((5, 7))), extremes(rng, 8, 5)
    )


def test_errors(tree):
    with pytest.raises(ValueError, match="weight"):
        CPCCLoss(tree, weight=-1)
    with pytest.raises(ValueError, match=r"features.*Received: \['logits'\]"):
        CPCCLoss(tree)([0], {"logits": ops.zeros((1, 4))})
