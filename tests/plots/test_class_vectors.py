"""Arrows of the ETF and of the frame: their angles, and what cannot be shown."""

import numpy as np
import pytest

from keras_haframe import frames
from keras_haframe.plots import class_vectors, plot_class_vectors
from tests.trees import flat, worked


def drawn(monkeypatch, tree, **options):
    """Three-dimensional vectors of both pictures, as the frame has them, and the words."""
    found = []
    view = class_vectors.VIEW
    monkeypatch.setattr(
        class_vectors, "_draw", lambda ax, points, *_: found.append(points @ np.linalg.inv(view.T))
    )
    ax = plot_class_vectors(tree, **options)
    return [*found, [text.get_text() for text in ax.texts]]


def test_cosines_are_those_of_etf_and_frame(monkeypatch):
    tree = worked()
    etf, frame, words = drawn(monkeypatch, tree, gamma=1.0)
    np.testing.assert_allclose(etf @ etf.T, (4 * np.eye(4) - 1) / 3, atol=1e-12)
    target = frames.TargetCosines(tree, 1.0, min_similarity="exact").matrix()
    np.testing.assert_allclose(frame @ frame.T, target, atol=1e-12)
    angles = [f"{np.degrees(np.arccos(c)):.0f}°" for c in (target[0, 1], target[0, 2])]
    assert words == ["simplex ETF\n109°", f"hierarchy-aware frame\n{', '.join(angles)}"]


def test_a_flat_tree_gives_the_same_twice(monkeypatch):
    etf, frame, words = drawn(monkeypatch, flat(3))
    np.testing.assert_allclose(etf, frame, atol=1e-9)
    assert [w.split("\n")[1] for w in words] == ["120°", "120°"]


def test_the_viewer_sees_lengths_as_they_are():
    np.testing.assert_allclose(class_vectors.VIEW @ class_vectors.VIEW.T, np.eye(3), atol=1e-3)


@pytest.mark.parametrize("classes", [2, 5])
def test_other_numbers_of_classes(classes):
    with pytest.raises(ValueError, match=f"3 or 4 classes.*Received: {classes} classes.*plot_gram"):
        plot_class_vectors(flat(classes))
