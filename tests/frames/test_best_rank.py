"""The nearest frame of many classes against an eigendecomposition of all their cosines."""

import numpy as np
import pytest

from keras_haframe.frames import TargetCosines, best_rank, best_rank_frame
from tests.trees import flat, random_tree


@pytest.mark.parametrize("seed", range(6))
def test_families_give_the_nearest_frame(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    target = TargetCosines(random_tree(rng, int(rng.integers(6, 40))), 1.5)
    values = np.linalg.eigvalsh(target.matrix())
    monkeypatch.setattr(best_rank, "DECOMPOSED", 0)
    for dim in (1, len(values) // 2, len(values)):
        found, vectors = best_rank._family_eigen(target, dim)
        np.testing.assert_allclose(found, np.maximum(values[-dim:], 0), atol=1e-9)
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(dim), atol=1e-9)
        np.testing.assert_allclose(target.matrix() @ vectors, vectors * values[-dim:], atol=1e-8)
    frame, error = best_rank_frame(target, len(values) // 2 + 1, seed=3)
    wanted = target.matrix()
    expected = np.linalg.norm(frame @ frame.T - wanted) / np.linalg.norm(wanted)
    assert error == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(np.linalg.norm(frame, axis=1), 1.0)


def test_few_classes_go_the_usual_way(tree):
    target = TargetCosines(tree)
    np.testing.assert_array_equal(
        best_rank_frame(target, 3, seed=1).frame, best_rank_frame(target.matrix(), 3, seed=1).frame
    )


def test_too_many_families(monkeypatch):
    monkeypatch.setattr(best_rank, "DECOMPOSED", 0)
    monkeypatch.setattr(best_rank, "FAMILIES", 0)
    with pytest.raises(ValueError, match="at most 0. Received a tree with 1. Use frames.LowRank"):
        best_rank_frame(TargetCosines(flat(4)), 2)
