"""How right against how specific."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from keras_haframe.metrics import operating_curve
from keras_haframe.plots import style
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_labels, check_probabilities
from keras_haframe.tree_ops.values import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 401  # thresholds drawn; the area is that of the whole curve


def plot_operating_curve(
    labels: Tensor,
    probabilities: Mapping[str, Tensor],
    tree: ClassTree | dict,
    *,
    rules: tuple[str, ...] = ("climbing",),
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw correctness against coverage as the confidence floor rises, for several models.

    At coverage 1 every answer is a class and correctness is top-1 accuracy; at coverage 0 every
    answer is the root. The area under the risk-coverage curve (hAURC, lower is better) is in the
    legend.

    Args:
        labels: Integer labels `[n]`.
        probabilities: Class probabilities `[n, K]` by model name.
        tree: A `ClassTree`.
        rules: `"climbing"`, and `"selective"` for the flat selective classifier (dashed).
        title: Title of the Axes.
        ax: Axes to draw on; new ones by default.

    Returns:
        The Axes. Both in %.

    Raises:
        ValueError: For rows that are not probabilities, shapes that do not fit, or another rule.

    Example:

    ```python
    p = model.predict_proba(images)
    plot_operating_curve(labels, {"HAFrame": p}, tree, rules=("climbing", "selective"))
    ```

    Reference: Goren, Galil and El-Yaniv, Hierarchical Selective Classification (NeurIPS 2024).
    """
    tree = as_tree(tree)
    style.check_count(probabilities, "probabilities")
    labels = check_labels(labels, tree.num_classes, least=1)
    thresholds = np.append(np.linspace(0.0, 1.0, POINTS), np.inf)
    curves = {}
    for name, p in probabilities.items():
        p = check_probabilities(p, tree.num_classes, len(labels), f"`probabilities[{name!r}]`")
        for rule in rules:
            curves[name, rule] = operating_curve(labels, p, tree, thresholds=thresholds, rule=rule)
    ax = style.axes(ax)
    colors = dict(zip(probabilities, style.COLORS))
    for (name, rule), curve in curves.items():
        which = "" if len(rules) == 1 else f", {rule}"
        ax.plot(
            100 * curve.coverage,
            100 * curve.correctness,
            "-" if rule == "climbing" else "--",
            color=colors[name],
            linewidth=1.2,
            label=f"{style.short(name)}{which} (hAURC {curve.area:.3f})",
        )
    for name in probabilities:
        point = curves[name, rules[0]]
        ax.plot(100 * point.coverage[0], 100 * point.correctness[0], "o", color=colors[name], ms=3)
    ax.set_xlim(-2, 102)
    ax.set_ylim(top=101)
    style.legend(ax, loc="lower left")
    return style.tidy(ax, title, "coverage % (0: root, 100: class)", "correct answers %")
