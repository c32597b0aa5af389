"""What every figure promises: Axes in, Axes out, paper-column size, nothing global changed."""

import copy

import matplotlib
import numpy as np
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt

import keras_haframe as kh
from keras_haframe import plots
from keras_haframe.models.reconstruction import Reconstruction
from keras_haframe.plots import style
from tests.brute_force import softmax
from tests.plots.conftest import scores_of
from tests.trees import random_tree

WORKED = kh.ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
LONG = kh.ClassTree.from_paths([f"Genus {i // 3}/Species wwwwwwww {i}" for i in range(20)])
LARGE = random_tree(np.random.default_rng(5), 120)


def arguments(name: str, tree: kh.ClassTree) -> tuple:
    """Usual arguments of a plot function."""
    scores, labels = scores_of(tree, 60)
    cosines = kh.frames.similarity(tree.distances(), 1.0, 0.0)
    history = {"train_nc1": [2.0, np.nan, 0.5], "test_nc1": [3.0, np.nan, 1.0]}
    images = np.zeros((60, 8, 8, 3), np.uint8)
    run = {"top1": 0.5, "severity": 1.5}
    return {
        "plot_accuracy_severity": ({"a": [run, {"top1": 0.6, "severity": 1.4}], "b": [run]},),
        "plot_class_vectors": (WORKED,),  # not more than four classes
        "plot_confusion": (labels, scores, tree),
        "plot_curves": ({"ETF": history, "HAFrame": history},),
        "plot_dendrogram": (tree,),
        "plot_gram": (cosines, tree),
        "plot_gram_beside": (cosines, cosines, tree),
        "plot_images": (images[:3],),
        "plot_mistakes_by_height": (labels, {"a": scores, "b": scores[:, ::-1]}, tree),
        "plot_operating_curve": (labels, {"a": softmax(scores)}, tree),
        "plot_reconstructions": (Reconstruction(*[images[:2] / 255] * 4, np.ones((2, 4))),),
        "plot_reliability": (labels, softmax(scores), tree),
        "plot_similarity": (tree,),
        "plot_worst_mistakes": (images, labels, scores, tree),
    }[name]


NAMES = [name for name in plots.__all__ if name.startswith("plot_")]
SHEETS = ("plot_images", "plot_reconstructions", "plot_worst_mistakes")  # as wide as their images


@pytest.mark.parametrize("name", NAMES)
def test_draws_on_the_axes_it_is_given(name):
    figure, (left, right) = plt.subplots(1, 2)
    before = len(right.get_children())
    parameters = copy.deepcopy(dict(matplotlib.rcParams))
    assert getattr(plots, name)(*arguments(name, WORKED), ax=left, title="words") is left
    assert left.get_title() == "words"
    assert left.lines or left.images or left.patches or left.collections
    assert plt.get_fignums() == [figure.number]
    assert len(right.get_children()) == before
    assert dict(matplotlib.rcParams) == parameters
    figure.canvas.draw()


@pytest.mark.parametrize("tree", [WORKED, LONG, LARGE], ids=["4 classes", "long names", "120"])
@pytest.mark.parametrize("name", NAMES)
def test_new_figures_fit_a_paper_column(name, tree):
    ax = getattr(plots, name)(*arguments(name, tree))
    figure = ax.figure
    width, height = figure.get_size_inches()
    assert width <= (4 if name in SHEETS else 3.3) and height <= 7
    figure.canvas.draw()
    texts = [t for t in figure.findobj(matplotlib.text.Text) if t.get_text() and t.get_visible()]
    assert all(t.get_fontsize() >= 5 for t in texts)
    # Nothing is cut off at the edges, up to the rounding of half a point.
    tight = figure.get_tightbbox()
    assert tight.x0 > -0.02 and tight.y0 > -0.02
    assert tight.x1 < width + 0.02 and tight.y1 < height + 0.02


def test_long_names_of_models_are_shortened():
    scores, labels = scores_of(WORKED, 60)
    names = [f"convnext_tiny, fine-tuned in two stages, seed {i}" for i in range(3)]
    runs = {"plot_accuracy_severity": [{"top1": 0.5, "severity": 1.5}] * 2,
            "plot_curves": {"train_nc1": [2.0, 1.0]}, "plot_mistakes_by_height": scores,
            "plot_operating_curve": softmax(scores)}  # fmt: skip
    for plot, values in runs.items():
        models = dict.fromkeys(names, values)
        first = (
            (labels, models, WORKED)
            if values is scores or plot.endswith("ing_curve")
            else (models,)
        )
        ax = getattr(plots, plot)(*first)
        ax.figure.canvas.draw()
        tight = ax.figure.get_tightbbox()
        assert tight.x0 > -0.02 and tight.x1 < 3.32
        texts = [t.get_text() for t in ax.get_legend().get_texts()]
        assert all(any(f"seed {i}" in t for t in texts) for i in range(3))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", ["axes", 3])
def test_wrong_axes(name, wrong):
    with pytest.raises(ValueError, match="`ax` must be one matplotlib Axes"):
        getattr(plots, name)(*arguments(name, WORKED), ax=wrong)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("plot_curves", "plot_images")])
def test_not_a_tree(name):
    if name in ("plot_accuracy_severity", "plot_reconstructions"):
        pytest.skip("takes no tree")
    swapped = tuple("tree" if a is WORKED else a for a in arguments(name, WORKED))
    with pytest.raises(ValueError, match="`tree` must be a keras_haframe"):
        getattr(plots, name)(*swapped)


def test_colors_differ_for_the_color_blind():
    """Distinct in lightness or hue; none too pale for white paper."""
    rgb = np.array([colors.to_rgb(c) for c in style.COLORS])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    assert (1.05 / (luminance + 0.05) > 2).all()  # contrast with white
    # Viénot et al. (1999): what a deuteranope sees of linear RGB lies in two dimensions.
    seen = linear @ np.array([[0.29275, 0.29275, -0.02234], [0.70725, 0.70725, 0.02234], [0, 0, 1]])
    gaps = np.abs(seen[:, None] - seen[None]).sum(axis=-1)
    assert gaps[~np.eye(len(gaps), dtype=bool)].min() > 0.1
    assert len(style.MARKERS) >= len(style.COLORS)


def test_too_many_for_the_colors():
    many = {f"run {i}": {"train_nc1": [1.0]} for i in range(8)}
    with pytest.raises(ValueError, match="`runs` must name 1 to 7 items"):
        plots.plot_curves(many)
    with pytest.raises(ValueError, match="Received: 0"):
        plots.plot_curves({})


WRONG = {
    "plot_accuracy_severity": ({"a": [{"top1": 0.5}]},),
    "plot_class_vectors": (LONG,),
    "plot_confusion": ([0], [9], WORKED),
    "plot_curves": ({"a": {}},),
    "plot_dendrogram": (WORKED,),
    "plot_gram": (np.eye(3), WORKED),
    "plot_gram_beside": (np.eye(4), np.eye(3), WORKED),
    "plot_images": (np.zeros(3),),
    "plot_mistakes_by_height": ([0], {"a": [0], "b": [9]}, WORKED),
    "plot_operating_curve": ([0], {"a": np.ones((1, 4))}, WORKED),
    "plot_reconstructions": (Reconstruction(*[np.zeros((0, 8, 8, 3))] * 5),),
    "plot_reliability": ([0], np.ones((1, 4)), WORKED),
    "plot_similarity": (WORKED, (1.0, -1.0)),
    "plot_worst_mistakes": (np.zeros((1, 8, 8, 3)), [0], np.eye(4)[:1], WORKED),
}
WRONG_OPTIONS = {"plot_dendrogram": {"convention": "up"}}


@pytest.mark.parametrize("name", NAMES)
def test_errors_leave_no_figure_open(name):
    with pytest.raises(ValueError):
        getattr(plots, name)(*WRONG[name], **WRONG_OPTIONS.get(name, {}))
    assert plt.get_fignums() == []
