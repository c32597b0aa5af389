import numpy as np
import pytest
from matplotlib import pyplot as plt

from keras_haframe.plots import style
from keras_haframe.plots.checks import check_predictions


def test_predictions_may_be_scores():
    labels = np.array([0, 1, 2])
    scores = np.array([[0.0, 2, 1], [5, 0, 0], [1, 1, 0]])
    assert check_predictions(scores, labels, 3, "p").tolist() == [1, 0, 0]  # ties: lower class
    assert check_predictions([1, 0, 0], labels, 3, "p").tolist() == [1, 0, 0]
    with pytest.raises(ValueError, match=r"2 labels for 3 examples in `p`"):
        check_predictions([0, 1], labels, 3, "p")


def test_new_axes_have_the_width_of_a_column():
    ax = style.axes()
    assert ax.figure.get_size_inches().tolist() == [3.3, 2.5]
    assert ax.figure.get_constrained_layout()
    assert style.axes(ax) is ax and plt.get_fignums() == [ax.figure.number]


def test_tidy_leaves_what_is_not_given(ax):
    ax.set_title("kept")
    ax.set_xlabel("kept too")
    assert style.tidy(ax, y="new") is ax
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("kept", "kept too", "new")
    assert not ax.spines["top"].get_visible() and ax.spines["left"].get_visible()


@pytest.mark.parametrize("draw", [style.legend, style.legend_below])
def test_legends(ax, draw):
    ax.plot([0, 1], label="line")
    legend = draw(ax, title="what")
    assert not legend.get_frame_on() and legend.get_texts()[0].get_fontsize() == 6
    assert legend.get_title().get_text() == "what"
