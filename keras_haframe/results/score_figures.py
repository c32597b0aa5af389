"""Figures of scores: where mistakes fall, and what confidence is worth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import softmax

from keras_haframe import plots
from keras_haframe.results.contents import TestScores
from keras_haframe.results.figure import Figure, to_png
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.checks import SOFTMAX_TOLERANCE, are_distributions

MATRIX = 1000  # nodes up to which a confusion matrix is drawn


def mistake_figures(data: TestScores, tree: ClassTree, seeds: int) -> Iterator[Figure]:
    """Draw where mistakes fall: by LCA height, between nodes, the worst as images."""
    models, caption = {data.names[0]: data.scores}, f" {data.images_in_words().capitalize()}."
    if data.baseline is not None:
        models = {data.names[1]: data.baseline, **models}
        caption += f" Over the bars: change of their number in %, against {data.names[1]}."
    if seeds > 1:
        caption += " One run each, that of the first seed."
    yield Figure(
        "Mistakes",
        "Mistakes by LCA height",
        "How many levels up the label and the answer meet, 1 for siblings: further left is better. "
        "Dotted: where the mistakes of the first would fall by chance." + caption,
        to_png(plots.plot_mistakes_by_height(data.labels, models, tree)),
    )
    small = [
        level
        for level in range(1, max(2, tree.height))
        if len(np.unique(tree.paths[:, level])) <= MATRIX
    ]
    names = {tree.height - 1: "parents of the classes", 1: "children of the root"}
    for level in sorted({*small[:1], *small[-1:]}, reverse=True):
        ax = plots.plot_confusion(data.labels, data.scores, tree, level)
        which = names.get(level, f"nodes of level {level}")
        caption = f"{data.in_words()}: rows are labels and sum to 100 %."
        caption += " Lines part the children of the root." if level > 1 else ""
        yield Figure("Mistakes", f"Confusion: {which}", caption, to_png(ax))
    if data.images is not None and len(plots.worst_mistakes(data.labels, data.scores, tree)):
        ax = plots.plot_worst_mistakes(data.images, data.labels, data.scores, tree, columns=6)
        caption = (
            f"{data.in_words()}: highest LCA first, then by how far the score of the answer led."
        )
        yield Figure("Mistakes", "Worst mistakes", caption, to_png(ax), drawn=False)


def to_probabilities(scores: np.ndarray) -> np.ndarray:
    """Probabilities `[n, K]`: the scores themselves where they are some, else their softmax."""
    scores = scores.astype(np.float64)
    return scores if are_distributions(scores, SOFTMAX_TOLERANCE) else softmax(scores, axis=1)


def confidence_figures(data: TestScores, tree: ClassTree) -> Iterator[Figure]:
    """Draw what a confidence floor gives, and how far confidence is right."""
    models = {data.names[0]: to_probabilities(data.scores)}
    if data.baseline is not None:
        models = {data.names[1]: to_probabilities(data.baseline), **models}
    yield Figure(
        "Confidence",
        "Operating curve",
        "Answers grow from classes (right) to the root (left) as the confidence floor rises; an "
        "answer is correct if it is the label or above it. Higher is better. hAURC: area over the "
        f"curve, lower is better. {data.images_in_words().capitalize()}.",
        to_png(plots.plot_operating_curve(data.labels, models, tree)),
    )
    yield Figure(
        "Confidence",
        "Reliability by level",
        f"{data.in_words()}: accuracy of the answers by their confidence, "
        "at several levels of the tree. Below the diagonal the model is too sure of itself. ECE: "
        "mean distance from the diagonal, weighted by the number of images.",
        to_png(plots.plot_reliability(data.labels, models[data.names[0]], tree)),
    )
