import numpy as np
import pytest

from keras_haframe.plots import plot_gram_beside
from tests.plots.conftest import symmetric


def test_beside_shows_both_and_their_distance(tree, ax):
    target, measured = np.eye(4), symmetric(4)
    plot_gram_beside(target, measured, tree, names=("frame", "means"), ax=ax, colorbar=False)
    left, right = ax.images
    np.testing.assert_array_equal(left.get_array(), target)
    np.testing.assert_array_equal(right.get_array(), measured)
    assert left.get_extent()[1] < right.get_extent()[0]
    assert left.get_clim() == right.get_clim() == (-1, 1)
    away = [abs(measured[i, j]) for i in range(4) for j in range(4) if i != j]
    texts = [t.get_text() for t in ax.texts]
    assert texts == ["frame", "means", f"mean |difference| {sum(away) / 12:.3f}"]


def test_beside_with_nothing_measured(tree, ax):
    plot_gram_beside(np.eye(4), np.full((4, 4), np.nan), tree, ax=ax)
    assert len(ax.texts) == 2  # no distance to tell


@pytest.mark.parametrize("name", ["target", "measured"])
def test_beside_wrong_shapes(tree, name):
    matrices = {"target": np.eye(4), "measured": np.eye(4), name: np.eye(5)}
    with pytest.raises(ValueError, match=f"`{name}` must have shape"):
        plot_gram_beside(**matrices, tree=tree)


def test_beside_wrong_names(tree):
    with pytest.raises(ValueError, match="`names` must be two strings"):
        plot_gram_beside(np.eye(4), np.eye(4), tree, names=("one",))
