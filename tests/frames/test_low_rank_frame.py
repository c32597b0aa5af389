"""The low-rank frame against sums over paths in plain Python, and the error it promises."""

import numpy as np
import pytest
import scipy.linalg

from keras_haframe.frames import LowRankFrame, TargetCosines, gram_error
from keras_haframe.frames.sign_vectors import places, signs
from tests.trees import TREES, ancestors, random_tree, regular


def vector(frame, nodes, which):
    """The sign vector of one node, from the whole Hadamard matrix."""
    row, block = divmod(int(nodes.slots[which]), len(nodes.signs))
    size = len(frame.factors[0]) * len(frame.factors[1])
    return scipy.linalg.hadamard(size)[row, : frame.dim] * nodes.signs[block] / frame.dim**0.5


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("dim", [3, 8, 13])
def test_rows_are_sums_over_the_path(name, dim):
    tree = TREES[name]()
    frame = LowRankFrame(tree, dim, 1.5, seed=4)
    if frame.exact:
        return
    k, weights = tree.num_classes, frame.target.weights
    expected = []
    for c in range(k):
        row, node = weights[c] ** 0.5 * vector(frame, frame.classes, c), frame.class_parents[c]
        for above in ancestors(tree, c)[1:]:
            row = row + weights[above] ** 0.5 * vector(frame, frame.inner, node)
            node = frame.above[node]
        assert node == -1
        expected.append(row / np.linalg.norm(row))
    x = np.random.default_rng(0).normal(size=(4, dim))
    np.testing.assert_allclose(frame.dense(), expected, atol=1e-12)
    np.testing.assert_allclose(frame.rows(np.arange(k)), expected, atol=1e-12)
    np.testing.assert_allclose(frame.matvec(x), x @ np.transpose(expected), atol=1e-12)


@pytest.mark.parametrize("mapping", ["exponential", "linear"])
@pytest.mark.parametrize("convention", ["depth", "subtree"])
@pytest.mark.parametrize("min_similarity", ["grid", "exact", 0.0, 0.3])
def test_exact_with_a_dimension_per_node(min_similarity, convention, mapping):
    for seed in range(8):
        rng = np.random.default_rng(seed)
        tree = random_tree(rng, int(rng.integers(2, 30)))
        frame = LowRankFrame(
            tree, tree.num_nodes + seed % 2, 1.5, min_similarity=min_similarity,
            convention=convention, mapping=mapping,
        )  # fmt: skip
        rows = frame.dense()
        np.testing.assert_allclose(rows @ rows.T, frame.target.matrix(), atol=1e-12)
        x = rng.normal(size=(2, frame.dim))
        np.testing.assert_allclose(frame.matvec(x), x @ rows.T, atol=1e-12)


@pytest.mark.parametrize("word", ["grid", "exact"])
def test_words_make_far_classes_orthogonal(uneven_tree, word):
    asked = TargetCosines(uneven_tree, 1.5, min_similarity=word)
    target = LowRankFrame(asked, 64).target
    assert asked.min_similarity == word and asked.s_min < target.s_min < 0
    assert target.matrix().min() == pytest.approx(0.0, abs=1e-12)
    assert (target.weights > -1e-12).all() and target.without_negative_weights() is target


def test_errors(tree):
    for dim in (0, -1, 2.0, True):
        with pytest.raises(ValueError, match="`dim` must be a positive integer"):
            LowRankFrame(tree, dim)
    asked = TargetCosines(tree, 1.0, min_similarity=-0.7)
    with pytest.raises(
        ValueError, match="frame='structured', or a `min_similarity` of at least -0.5"
    ):
        LowRankFrame(asked, 8)
    with pytest.raises(ValueError, match=r"`x` must have shape \[B, 5\].*\(3, 4\)"):
        LowRankFrame(tree, 5).matvec(np.ones((3, 4)))


@pytest.mark.parametrize("dim", [64, 100, 256])
def test_error_is_what_the_formula_says(dim):
    """Root mean square at most `(1 - s^2) / sqrt(dim)`, and not much less."""
    frame = LowRankFrame(regular(8, 4), dim, 2.0)
    error = frame.gram_error()
    assert 0.5 * error.expected < error.root_mean_square < error.expected
    assert error.largest < 7 * error.expected and error.siblings < error.expected


def test_gram_error_against_all_pairs():
    tree = random_tree(np.random.default_rng(3), 12)
    frame = LowRankFrame(tree, 5, 1.0)
    rows, wanted = frame.dense(), frame.target.matrix()
    found, same = gram_error(frame, frame.target, 4000), gram_error(3 * rows, frame.target, 4000)
    assert found.largest == pytest.approx(np.abs(rows @ rows.T - wanted).max(), abs=1e-12)
    np.testing.assert_allclose(found, same, atol=1e-12)
    assert found.pairs == 4000
    siblings = [(i, j) for i in range(12) for j in range(i) if tree.parents[i] == tree.parents[j]]
    errors = np.array([(rows @ rows.T - wanted)[pair] for pair in siblings])
    assert np.abs(errors).min() - 1e-12 <= found.siblings <= np.abs(errors).max() + 1e-12


def test_siblings_are_exactly_orthogonal_in_their_block():
    """Vectors of nodes of one block, where the dimension is a power of two."""
    frame = LowRankFrame(regular(4, 4), 32, 2.0)
    own = np.array([vector(frame, frame.classes, c) for c in range(256)]).reshape(64, 4, 32)
    np.testing.assert_allclose(
        own @ own.transpose(0, 2, 1), np.tile(np.eye(4), (64, 1, 1)), atol=1e-12
    )


def test_signs_are_a_documented_stream_of_bits():
    words = [int(w) for w in np.random.PCG64(7).random_raw(3)]
    bits = [words[i // 64] >> (i % 64) & 1 for i in range(150)]
    np.testing.assert_array_equal(signs(7, 10, 15).ravel(), [1 - 2 * b for b in bits])
    assert signs(7, 1, 6).tolist() == [[-1, -1, 1, -1, 1, 1]]  # on every machine


@pytest.mark.parametrize("block", [1, 2, 8, 64])
def test_places(block):
    rng = np.random.default_rng(block)
    families = np.repeat(np.arange(300), rng.integers(1, 12, 300))
    found = places(families, block)
    assert (np.diff(found) >= 1).all() and found[-1] < len(families) * 8 / 7 + block
    for family in range(300):
        own = found[families == family] // block
        assert len(own) > block / 8 or own[0] == own[-1]


def test_no_array_of_classes_times_dimensions():
    frame = LowRankFrame(regular(10, 3), 128)
    held = [*vars(frame).values(), *frame.classes, *frame.inner, *frame.inner_parents]
    assert max(a.nbytes for a in held if isinstance(a, np.ndarray)) < 10 * 1111 * 8
