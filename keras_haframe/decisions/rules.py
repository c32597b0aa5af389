"""The list of decision rules that rank the classes anew: one decorator makes a rule known."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from keras import ops

from keras_haframe.decisions.temperature import apply_temperature
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_scores
from keras_haframe.tree_ops.values import Tensor

_RULES: dict[str, Callable] = {}

F = TypeVar("F", bound=Callable)


def register(name: str) -> Callable[[F], F]:
    """Make a rule known by the name that tables show; a decorator.

    The rule is a function of class probabilities `[B, K]` and the class tree that returns scores
    `[B, K]`, higher is better. `rescore`, the recipes and `training.compare` then take it.

    Args:
        name: Name of the rule, such as `"CRM"`.

    Raises:
        ValueError: If another rule has the name.

    Example:

    ```python
    @decisions.register("squared")
    def squared(probabilities, tree):
        return probabilities**2
    ```
    """

    def add(rule: F) -> F:
        known = _RULES.get(name)
        if known and known.__qualname__ != rule.__qualname__:
            raise ValueError(f"Two decision rules are named {name!r}: {known} and {rule}.")
        _RULES[name] = rule
        return rule

    return add


def names() -> list[str]:
    """Names of every registered rule, sorted.

    Example:

    >>> names()
    ['CRM', 'HiE']
    """
    return sorted(_RULES)


def rescore(scores: Tensor, tree: ClassTree | dict, rule: str = "") -> np.ndarray:
    """Class scores under a decision rule, from the scores of `predict`.

    Args:
        scores: `[n, K]` class scores (logits); their softmax is taken as class probabilities.
        tree: A `ClassTree`.
        rule: One of `names()`, such as `"CRM"` (`conditional_risk`) or `"HiE"`
            (`hierarchical_ensemble` with the parents' own sums); `""` leaves the scores.

    Returns:
        `[n, K]`, higher is better.

    Raises:
        ValueError: For an unknown rule, scores of another shape, or scores that are
            probabilities already.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> logits = [[1.1, -9.0, 1.0, 1.0]]  # car is most probable, but alone on land
    >>> int(rescore(logits, tree, "CRM").argmax()), int(rescore(logits, tree).argmax())
    (2, 0)
    """
    check_rule(rule)
    tree = as_tree(tree)
    scores = check_scores(scores, tree.num_classes)
    if not rule:
        return ops.convert_to_numpy(scores)
    return ops.convert_to_numpy(rank(apply_temperature(scores, 1.0), tree, rule))


def rank(probabilities: Tensor, tree: ClassTree, rule: str) -> Tensor:
    """Class scores `[B, K]` under one of `names()`, from class probabilities."""
    check_rule(rule)
    return _RULES[rule](probabilities, tree) if rule else probabilities


def check_rule(rule: str) -> None:
    """Raise a `ValueError` unless there is such a rule (or it is empty)."""
    if not isinstance(rule, str) or (rule and rule not in _RULES):
        near = difflib.get_close_matches(str(rule), names(), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"Unknown decision rule {rule!r}.{hint} Choose from: {['', *names()]}.")
