"""The list of decision rules that rank the classes anew: one decorator makes a rule known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from keras import ops
from scipy.special import softmax

from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.checks import check_scores

_RULES: dict[str, Callable] = {}


def register(name: str) -> Callable[[Callable], Callable]:
    """Decorator: make a rule known by the name that tables show.

    Args:
        name: Name of the rule, such as `"CRM"`.

    The rule is a function of class probabilities `[B, K]` and the class tree that returns scores
    `[B, K]`, higher is better. `rescore`, the recipes and `training.compare` then take it.

    Raises:
        ValueError: If another rule has the name.
    """

    def add(rule: Callable) -> Callable:
        known = _RULES.get(name)
        if known and known.__qualname__ != rule.__qualname__:
            raise ValueError(f"Two decision rules are named {name!r}: {known} and {rule}.")
        _RULES[name] = rule
        return rule

    return add


def names() -> list[str]:
    """Names of every registered rule, sorted."""
    return sorted(_RULES)


def rescore(scores, tree: ClassTree, rule: str = "") -> np.ndarray:
    """Class scores under a decision rule, from the scores of `predict`.

    Args:
        scores: `[n, K]`; their softmax is taken as class probabilities.
        tree: The class tree.
        rule: One of `names()`, such as `"CRM"` (`conditional_risk`) or `"HiE"`
            (`hierarchical_ensemble` with the parents' own sums); `""` leaves the scores.

    Returns:
        `[n, K]`, higher is better.

    Raises:
        ValueError: For an unknown rule, or scores of another shape.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> logits = [[1.1, -9.0, 1.0, 1.0]]  # car is most probable, but alone on land
    >>> rescore(logits, tree, "CRM").argmax(), rescore(logits, tree).argmax()
    (2, 0)
    """
    check_rule(rule)
    scores = ops.convert_to_numpy(check_scores(scores, tree.num_classes))
    if not rule:
        return scores
    probabilities = softmax(scores.astype(np.float32, copy=False), axis=1)
    return ops.convert_to_numpy(_RULES[rule](probabilities, tree))


def check_rule(rule: str) -> None:
    """Raise a `ValueError` unless there is such a rule (or it is empty)."""
    if rule and rule not in _RULES:
        raise ValueError(f"Unknown decision rule {rule!r}. Choose from: {['', *names()]}.")
