"""Figures are drawn without a screen, and no test leaves one open."""

import matplotlib

matplotlib.use("Agg")
import numpy as np
import pytest
from matplotlib import pyplot as plt

import keras_haframe as kh


@pytest.fixture(autouse=True)
def _no_open_figures():
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    figure.canvas.draw()  # whatever was drawn can be rendered


def scores_of(tree: kh.ClassTree, n: int, seed: int = 0, lead: float = 1.0):
    """Random scores float64 `[n, K]` and labels `[n]`; labels lead by `lead`."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, tree.num_classes, n)
    scores = rng.normal(size=(n, tree.num_classes))
    scores[np.arange(n), labels] += lead
    return scores, labels


def symmetric(k: int, seed: int = 0) -> np.ndarray:
    """Random symmetric matrix `[k, k]`."""
    x = np.random.default_rng(seed).uniform(-1, 1, (k, k))
    return (x + x.T) / 2
