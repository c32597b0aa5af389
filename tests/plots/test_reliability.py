import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.plots import plot_reliability
from tests.brute_force import softmax
from tests.plots.conftest import scores_of


def test_reliability_by_hand(tree, ax):
    p = [[0.5, 0.25, 0.25, 0.0], [0.25, 0.5, 0.0, 0.25], [0.0, 0.0, 0.9, 0.1]]
    plot_reliability([0, 0, 3], p, tree, bins=4, ax=ax)
    markers = [c.get_offsets().tolist() for c in ax.collections]
    # Classes: 0.5 (right), 0.5 (wrong), 0.9 (wrong). Parents: 0.75 twice, 1.0 once, all right.
    np.testing.assert_allclose(markers[0], [[0.75, 1.0], [1.0, 1.0]])
    np.testing.assert_allclose(markers[1], [[0.5, 0.5], [0.9, 0.0]])
    texts = [t.get_text() for t in ax.get_legend().get_texts()]
    assert texts == ["level 1 (2 nodes): 0.167", "level 2 (4 classes): 0.300"]


def test_reliability_in_batches_is_that_of_the_whole(tree, ax, monkeypatch):
    scores, labels = scores_of(tree, 100)
    p = softmax(scores)
    expected = float(
        kh.metrics.level_calibration_error(
            labels, p.astype("float32"), tree, bins=10, from_logits=False
        )
    )
    monkeypatch.setattr("keras_haframe.plots.reliability.BATCH", 7)
    plot_reliability(labels, p, tree, levels=[-1], ax=ax)
    assert f": {expected:.3f}" in ax.get_legend().get_texts()[0].get_text()
    assert len(ax.collections) == 1


def test_reliability_marker_area_grows_with_the_share(tree, ax):
    p = np.array([[0.9, 0.1, 0, 0]] * 9 + [[0.6, 0.4, 0, 0]])
    plot_reliability(np.zeros(10, int), p, tree, levels=[2], ax=ax)
    small, large = ax.collections[0].get_sizes()
    assert (small, large) == (pytest.approx(4 + 6), pytest.approx(4 + 54))


def test_reliability_of_a_high_tree_shows_five_levels(ax):
    edges = [(f"n{i}", f"n{i + 1}") for i in range(8)]
    edges += [(f"n{i}", f"c{i}") for i in range(9)]
    tree = kh.ClassTree(edges)
    scores, labels = scores_of(tree, 30)
    plot_reliability(labels, softmax(scores), tree, ax=ax)
    assert len(ax.collections) == 5
