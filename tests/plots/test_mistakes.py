import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.plots import chance_shares, plot_mistakes_by_height
from tests.plots.conftest import scores_of
from tests.trees import random_tree


def bars(ax):
    """Heights of the bars, one list per model."""
    return [[bar.get_height() for bar in group] for group in ax.containers]


def test_bars_by_hand(tree, ax):
    # car as truck (1), car as jet (2), truck right, glider as car (2)
    labels = np.array([0, 0, 1, 3])
    plot_mistakes_by_height(labels, {"a": np.array([1, 2, 1, 0])}, tree, ax=ax)
    assert bars(ax) == [[25.0, 50.0]]
    first, second = ax.get_legend().get_texts()
    assert {first.get_text(), second.get_text()} == {
        "a (severity 1.67)",
        "chance (severity 1.67)",  # of the three wrong classes one is near, two are far
    }
    assert ax.get_ylabel() == "% of images"


def test_scores_and_classes_give_the_same(tree):
    scores, labels = scores_of(tree, 40)
    a = plot_mistakes_by_height(labels, {"a": scores}, tree)
    b = plot_mistakes_by_height(labels, {"a": scores.argmax(axis=1)}, tree)
    assert bars(a) == bars(b)


def test_against_a_loop(ax):
    tree = random_tree(np.random.default_rng(3), 12)
    models = {}
    for seed, name in enumerate("abc"):
        scores, labels = scores_of(tree, 200, seed)
        models[name] = scores
    plot_mistakes_by_height(labels, models, tree, ax=ax)
    distances = tree.distances()
    for drawn, scores in zip(bars(ax), models.values()):
        found = [distances[y, p] for y, p in zip(labels, scores.argmax(axis=1))]
        expected = [100 * found.count(h) / 200 for h in range(1, tree.height + 1)]
        assert drawn == pytest.approx(expected)


def test_change_against_the_baseline(tree, ax):
    labels = np.zeros(8, int)
    base, other = np.array([1, 1, 2, 2, 2, 2, 0, 0]), np.array([1, 1, 1, 2, 0, 0, 0, 0])
    plot_mistakes_by_height(labels, {"base": base, "other": other}, tree, ax=ax)
    assert [t.get_text() for t in ax.texts] == ["+50 %", "-75 %"]


def test_no_change_is_told_where_the_baseline_has_no_mistake(tree, ax):
    labels = np.zeros(2, int)
    plot_mistakes_by_height(labels, {"a": labels, "b": np.array([1, 2])}, tree, ax=ax)
    assert [t.get_text() for t in ax.texts] == ["", ""]
    assert "a (no mistakes)" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_shares_of_the_mistakes(tree, ax):
    labels = np.array([0, 0, 0, 0])
    plot_mistakes_by_height(labels, {"a": np.array([1, 2, 3, 0])}, tree, ax=ax, normalize=True)
    assert bars(ax)[0] == pytest.approx([100 / 3, 200 / 3])
    assert ax.get_ylabel() == "% of the mistakes" and not ax.texts
    step = ax.lines[0].get_ydata()
    np.testing.assert_allclose(step, [100 / 3, 200 / 3, 200 / 3])


def test_chance_step_has_the_mistakes_of_the_baseline(tree, ax):
    labels = np.array([0, 1, 2, 3])
    plot_mistakes_by_height(labels, {"a": np.array([1, 0, 2, 3]), "b": labels}, tree, ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata()[:2], [50 / 3, 100 / 3])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_chance_against_enumeration(seed):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, 9)
    labels = rng.integers(0, 9, 30)
    counts = np.zeros(tree.height)
    for y in labels:
        for wrong in set(range(9)) - {int(y)}:
            counts[tree.distances()[y, wrong] - 1] += 1
    shares = chance_shares(labels, tree)
    np.testing.assert_allclose(shares, (counts / counts.sum())[: len(shares)], rtol=1e-12)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], "At least 1 example"),
        ([0.0, 1.0], "integer"),
        ([[0], [1]], r"shape: \(2, 1\)"),
        ([0, 4], "Labels must be from 0 to 3: .* Received label 4"),
    ],
)
def test_wrong_labels(tree, labels, message):
    with pytest.raises(ValueError, match=message):
        plot_mistakes_by_height(labels, {"a": [0, 1]}, tree)
    with pytest.raises(ValueError, match=message):
        chance_shares(labels, tree)


def test_wrong_predictions(tree):
    with pytest.raises(ValueError, match=r"examples in `predictions\['b'\]`"):
        plot_mistakes_by_height([0, 1], {"a": [0, 1], "b": [0]}, tree)
    with pytest.raises(ValueError, match=r"Labels must be integers of shape"):
        plot_mistakes_by_height([0, 1], {"a": np.zeros((2, 3))}, tree)
    with pytest.raises(ValueError, match="Received: 0"):
        plot_mistakes_by_height([0, 1], {}, tree)


def test_one_level(ax):
    flat = kh.ClassTree([("root", c) for c in "abc"])
    plot_mistakes_by_height([0, 1, 2], {"a": [1, 1, 2]}, flat, ax=ax)
    assert bars(ax)[0] == pytest.approx([100 / 3])
