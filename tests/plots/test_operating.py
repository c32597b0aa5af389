import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.plots import plot_operating_curve, plot_reliability
from tests.brute_force import softmax
from tests.plots.conftest import scores_of
from tests.trees import random_tree


def test_curve_by_hand(tree, ax):
    plot_operating_curve([1], {"a": [[0.5, 0.25, 0.25, 0.0]]}, tree, ax=ax)
    x, y = ax.lines[0].get_data()
    # Up to a floor of 0.5 the answer is car (wrong), up to 0.75 land, above it the root.
    assert set(zip(x.tolist(), y.tolist())) == {(100.0, 0.0), (50.0, 100.0), (0.0, 100.0)}
    assert ax.get_legend().get_texts()[0].get_text() == "a (hAURC 0.250)"


def test_ends_of_the_curve(ax):
    tree = random_tree(np.random.default_rng(0), 10)
    scores, labels = scores_of(tree, 100)
    p = softmax(scores)
    plot_operating_curve(labels, {"a": p}, tree, ax=ax)
    x, y = ax.lines[0].get_data()
    assert x[0] == pytest.approx(100) and x[-1] == pytest.approx(0, abs=1e-9)
    assert y[0] == pytest.approx(100 * (p.argmax(axis=1) == labels).mean())
    assert y[-1] == pytest.approx(100)


def test_rules_and_models(tree, ax):
    scores, labels = scores_of(tree, 50)
    models = {"a": softmax(scores), "b": softmax(2 * scores)}
    plot_operating_curve(labels, models, tree, rules=("climbing", "selective"), ax=ax)
    curves = ax.lines[:4]
    assert [line.get_linestyle() for line in curves] == ["-", "--", "-", "--"]
    assert curves[0].get_color() == curves[1].get_color() != curves[2].get_color()
    for name, p in models.items():
        area = kh.metrics.operating_curve(labels, p, tree, rule="selective").area
        texts = [t.get_text() for t in ax.get_legend().get_texts()]
        assert f"{name}, selective (hAURC {area:.3f})" in texts


@pytest.mark.parametrize("draw", [
    lambda y, p, tree: plot_operating_curve(y, {"a": p}, tree),
    plot_reliability,
])  # fmt: skip
def test_wrong_probabilities(tree, draw):
    with pytest.raises(ValueError, match=r"must have shape \[2, 4\].*\(2, 3\)"):
        draw([0, 1], np.full((2, 3), 1 / 3), tree)
    with pytest.raises(ValueError, match="must sum to 1"):
        draw([0], np.array([[3.0, 1.0, 0.0, 0.0]]), tree)
    with pytest.raises(ValueError, match="must not be negative"):
        draw([0], np.array([[1.5, -0.5, 0.0, 0.0]]), tree)
    with pytest.raises(ValueError, match="NaN in row 0"):
        draw([0], np.full((1, 4), np.nan), tree)
    with pytest.raises(ValueError, match="Labels must be from 0 to 3"):
        draw([9], np.full((1, 4), 0.25), tree)
    with pytest.raises(ValueError, match=r"must have shape \[2, 4\]"):
        draw([0, 1], np.full((1, 4), 0.25), tree)


def test_wrong_rule_and_level(tree):
    p = keras.ops.convert_to_numpy(keras.ops.softmax(np.zeros((2, 4), "float32")))
    with pytest.raises(ValueError, match="rule"):
        plot_operating_curve([0, 1], {"a": p}, tree, rules=("jumping",))
    with pytest.raises(ValueError, match="`levels` must be an integer from 1"):
        plot_reliability([0, 1], p, tree, levels=[3])
    with pytest.raises(ValueError, match="`levels` must name 1 to 7"):
        plot_reliability([0, 1], p, tree, levels=[])
