"""Log-sum-exp over groups and sums up the tree, against loops."""

import numpy as np
import pytest
from keras import ops

from keras_haframe.tree_ops.segments import segment_log_softmax, segment_logsumexp, up_the_tree
from tests.brute_force import log_sum_exp
from tests.gradients import DTYPE, assert_close, gradient, numeric_gradient
from tests.trees import TREES

SEGMENTS = np.array([2, 0, 0, 1, 2, 2])


def twin(rows):
    return np.array(
        [[log_sum_exp(rows[SEGMENTS == g, b]) for b in range(rows.shape[1])] for g in range(3)]
    )


def test_groups():
    rows = 4 * np.random.default_rng(0).normal(size=(6, 3))
    assert_close(
        segment_logsumexp(ops.convert_to_tensor(rows.astype(DTYPE)), SEGMENTS, 3), twin(rows)
    )


def test_log_softmax_keeps_its_digits_far_from_zero():
    rows = np.random.default_rng(4).normal(size=(6, 3)).astype("float32")
    far = rows.round(2) + np.float32(8192.0)
    got = segment_log_softmax(ops.convert_to_tensor(far), SEGMENTS, 3)
    want = far.astype("float64") - twin(far.astype("float64"))[SEGMENTS]
    np.testing.assert_allclose(ops.convert_to_numpy(got), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("offset", [0.0, 1e4, -1e4])
def test_far_apart_groups_do_not_underflow(offset):
    rows = np.random.default_rng(1).normal(size=(6, 2))
    rows[SEGMENTS == 1] += offset
    got = segment_logsumexp(ops.convert_to_tensor(rows.astype("float32")), SEGMENTS, 3)
    np.testing.assert_allclose(ops.convert_to_numpy(got), twin(rows), rtol=1e-5, atol=1e-5)


def test_gradient_is_the_softmax_of_the_group():
    rows, weights = np.random.default_rng(2).normal(size=(2, 6, 3))

    factors = ops.convert_to_tensor(weights[:3].astype(DTYPE))

    def weighed(x):
        return (twin(x) * weights[:3]).sum()

    got = gradient(
        lambda x: ops.sum(factors * segment_logsumexp(x, SEGMENTS, 3)), rows.astype(DTYPE)
    )
    assert_close(got, numeric_gradient(weighed, rows), 1e-4)


def test_equal_largest_entries_share_the_gradient():
    got = gradient(
        lambda x: ops.sum(segment_logsumexp(x, SEGMENTS, 3)), np.zeros((6, 1), "float32")
    )
    np.testing.assert_allclose(got[:, 0], [1 / 3, 1 / 2, 1 / 2, 1, 1 / 3, 1 / 3], rtol=1e-6)


@pytest.mark.parametrize("kind", TREES)
def test_up_the_tree(kind):
    tree = TREES[kind]()
    rows = np.random.default_rng(3).normal(size=(tree.num_classes, 2))
    tensor = ops.convert_to_tensor(rows.astype(DTYPE))
    sums = up_the_tree(tensor, tree, ops.segment_sum)
    logs = up_the_tree(tensor, tree, segment_logsumexp)
    below = [[k for k in range(tree.num_classes) if n in tree.path(k)] for n in tree.nodes]
    assert_close(sums, [rows[ks].sum(0) for ks in below])
    assert_close(logs, [[log_sum_exp(rows[ks, b]) for b in range(2)] for ks in below])
