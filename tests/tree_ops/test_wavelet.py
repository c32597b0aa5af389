"""The structured frame in `keras.ops` against the matrix that it stands for."""

import keras
import numpy as np
import pytest

from keras_haframe.frames import TreeFrame
from keras_haframe.tree_ops.wavelet import tree_matvec, tree_rmatvec
from tests.gradients import DTYPE, assert_close, gradient
from tests.trees import random_tree


def case(seed):
    """Uneven random trees, with classes at every depth and only children: frame, matrix, x, y."""
    rng = np.random.default_rng([71, seed])
    tree = random_tree(rng, int(rng.integers(2, 60)))
    frame = TreeFrame(tree, float(np.exp(rng.uniform(-1, 1))), "grid")
    return frame, frame.dense(), *rng.standard_normal((2, 3, tree.num_classes))


@pytest.mark.parametrize("seed", range(12))
def test_product_and_adjoint(seed):
    frame, w, x, y = case(seed)
    for function, array, expected in ((tree_matvec, x, x @ w.T), (tree_rmatvec, y, y @ w)):
        assert_close(function(frame, keras.ops.convert_to_tensor(array, DTYPE)), expected)


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("seed", range(4))
def test_gradient(seed, compiled):
    frame, w, x, y = case(seed)

    def weighted(x):
        return keras.ops.sum(keras.ops.cast(y, DTYPE) * tree_matvec(frame, x) ** 2)

    found = gradient(weighted, x.astype(DTYPE), compiled)
    assert_close(found, 2 * (y * (x @ w.T)) @ w)
