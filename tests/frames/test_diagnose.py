"""The report on a tree before training."""

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.frames import diagnose, min_similarity, similarity
from tests.trees import random_tree


def test_public_name():
    assert kh.diagnose is diagnose


def test_worked_tree_by_hand(tree):
    found = diagnose(tree, 1.0, min_similarity=0.0, verbose=False)
    near, far = np.exp(-0.5), np.exp(-1.0)
    assert found.num_classes == 4 and found.min_similarity == 0.0
    assert found.heights == [1, 2] and found.pairs == [2, 4]
    np.testing.assert_allclose(found.cosines, [near, far], rtol=1e-14)
    m = 4 / (1 + near + 2 * far)  # all row sums of E are equal
    assert found.effective_classes == pytest.approx(m, rel=1e-12)
    assert found.exact_bound == pytest.approx(-1 / (m - 1), rel=1e-12)
    assert found.smallest_eigenvalue == pytest.approx(1 - near, rel=1e-12)
    assert found.warnings == []


@pytest.mark.parametrize("convention", ["depth", "subtree"])
@pytest.mark.parametrize("seed", range(10))
def test_counts_and_cosines_of_random_trees(seed, convention):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, int(rng.integers(2, 30)))
    gamma = float(rng.uniform(0.3, 4))
    found = diagnose(tree, gamma, min_similarity="grid", convention=convention, verbose=False)
    d = tree.distances(convention)
    upper = np.triu_indices(len(d), 1)
    heights, pairs = np.unique(d[upper], return_counts=True)
    assert found.heights == heights.tolist() and found.pairs == pairs.tolist()
    assert found.min_similarity == min_similarity(d, gamma, "grid")
    s = similarity(d, gamma, found.min_similarity)
    for h, cosine in zip(found.heights, found.cosines):
        np.testing.assert_allclose(s[d == h], cosine, rtol=1e-10, atol=1e-14)
    e = similarity(d, gamma, 0.0)
    assert found.effective_classes == pytest.approx(np.linalg.inv(e).sum(), rel=1e-8)
    assert np.linalg.eigvalsh(s)[0] <= found.smallest_eigenvalue + 1e-12


@pytest.mark.parametrize("seed", range(5))
def test_smallest_eigenvalue_is_exact_where_the_root_weighs_something(seed):
    tree = random_tree(np.random.default_rng(seed), 15)
    found = diagnose(tree, 1.0, min_similarity=0.2, verbose=False)
    values = np.linalg.eigvalsh(similarity(tree, 1.0, 0.2))
    assert values[0] == pytest.approx(found.smallest_eigenvalue, rel=1e-9)


def test_effective_classes_of_a_simplex():
    """A large gamma makes all classes orthogonal: then every class counts fully."""
    tree = kh.ClassTree([("r", f"c{i}") for i in range(12)])
    assert diagnose(tree, 50.0, verbose=False).effective_classes == pytest.approx(12)
    assert diagnose(tree, 1e-3, verbose=False).effective_classes == pytest.approx(1, abs=0.01)


def test_flat_tree_is_warned_of():
    tree = kh.ClassTree([("r", c) for c in "abcd"])
    (warning,) = diagnose(tree, 1.0, verbose=False).warnings
    assert "the tree is flat" in warning


def test_coinciding_siblings_are_warned_of(tree):
    (warning,) = diagnose(tree, 0.01, min_similarity=0.0, verbose=False).warnings
    assert "0.995" in warning and "Use a larger gamma" in warning


def test_invisible_hierarchy_is_warned_of(tree):
    (warning,) = diagnose(tree, 12.0, verbose=False).warnings
    assert "the hierarchy hardly shows" in warning and "Use a smaller gamma" in warning


def test_benchmarks_raise_no_warning(benchmark_tree):
    for name, gamma in (("fgvc_aircraft", 1.0), ("cifar100", 2.0), ("inaturalist2019", 5.0)):
        assert diagnose(benchmark_tree(name), gamma, verbose=False).warnings == []


def test_prints_what_it_returns(tree, capsys):
    found = diagnose(tree, 1.0)
    printed = capsys.readouterr().out
    assert printed == f"{found}\n"
    assert "classes K: 4" in printed and "LCA height  class pairs  target cosine" in printed
    row = next(line.split() for line in printed.splitlines() if line.split()[:2] == ["1", "2"])
    assert float(row[2]) == pytest.approx(found.cosines[0], abs=5e-5)
    diagnose(tree, 1.0, verbose=False)
    assert capsys.readouterr().out == ""


def test_warnings_are_printed(tree):
    text = str(diagnose(tree, 0.01, min_similarity=0.0, verbose=False))
    assert text.splitlines()[-1].startswith("warning: nearest classes have a target cosine")


def test_many_classes():
    """No K x K table: 60,000 classes would need 7 GB for distances alone."""
    edges = [("r", f"g{i}") for i in range(300)]
    edges += [(f"g{i % 300}", f"c{i}") for i in range(60_000)]
    found = diagnose(kh.ClassTree(edges), 1.0, verbose=False)
    near = 300 * (200 * 199 // 2)
    assert found.pairs == [near, 60_000 * 59_999 // 2 - near]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"gamma": 0}, "`gamma` must be positive"),
        ({"min_similarity": -40.0}, "`min_similarity` must be at least"),
        ({"convention": "lca"}, "`convention` must be one of"),
    ],
)
def test_bad_arguments(tree, options, match):
    with pytest.raises(ValueError, match=match):
        diagnose(tree, verbose=False, **options)
    with pytest.raises(ValueError, match=r"must be a keras_haframe\.ClassTree"):
        diagnose("tree")
