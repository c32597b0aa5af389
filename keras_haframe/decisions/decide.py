"""One decision per example that says why: every step from probabilities to an answer, in order."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from keras_haframe.decisions.answers import Decisions, reasons
from keras_haframe.decisions.calibrate_threshold import (
    NESTED_RULES,
    check_share,
    conformal_quantile,
    tight_of,
)
from keras_haframe.decisions.confidence_floor import RULES, jump, widest_coverage
from keras_haframe.decisions.rules import check_rule
from keras_haframe.decisions.start import start_of
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_floors, check_labels
from keras_haframe.tree_ops.options import check_choice


def decide(
    probabilities: Any,
    tree: ClassTree | dict,
    *,
    floor: Any = None,
    accuracy: float | None = None,
    calibration: tuple[Any, Any] | None = None,
    allowed: Any = None,
    prior: Any = None,
    rule: str | None = None,
    floor_rule: str = "climbing",
    temperature: float | None = None,
) -> Decisions:
    """Answer a class where that is sure and allowed, else a node above it, and say why.

    The steps, always in this order; those that are not asked for are left out:

    1. `temperature`: probabilities become `p^(1 / T)`, renormalized.
    2. `prior`: they are multiplied by it and renormalized. Where nothing is left the answer is the
       root.
    3. `rule` picks a class: the most probable, or that of least risk (`"CRM"`), or another.
    4. `allowed`: from a class that is not on the list up to the first node that holds one that is.
       The list says what may be answered; it moves no probability (a `prior` of 0 and 1 does).
    5. `floor`: up to the first node whose probability, summed over all classes below, reaches it.

    Args:
        probabilities: `[B, K]` class probabilities, for example `model.predict_proba(x)`; columns
            of a DataFrame are matched with `tree.leaves` by name.
        tree: A `ClassTree`.
        floor: Least probability of an answer other than the root: a number from 0 to 1, or `[B]`.
        accuracy: In place of `floor`: wanted share of right answers, between 0 and 1. The floor is
            calibrated through the same steps, with the guarantee of `calibrate_threshold`.
        calibration: `(labels, probabilities)` of held-out examples, which `accuracy` needs.
        allowed: Names of classes or inner nodes, or a bool mask `[K]` or `[B, K]`.
        prior: Weights of the classes, `[K]` or `[B, K]`, such as how often a species is seen there.
        rule: One of `decisions.names()`; `None` for the most probable class.
        floor_rule: `"climbing"` or `"selective"` (the class or the root), or, without `rule` and
            `allowed`, `"jumping"` or `"max_coverage"`; see `confidence_floor`.
        temperature: Positive number, see `fit_temperature`.

    Returns:
        `Decisions`.

    Raises:
        ValueError: For logits in place of probabilities, unknown names, a floor outside 0 to 1, a
            prior that is negative, NaN or of another shape, `accuracy` without held-out data or
            together with what changes from row to row, and options that exclude each other.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> found = decide([[0.5, 0.3, 0.2, 0.0]], tree, allowed=["truck", "air"], floor=0.65)
    >>> found[0].name, found[0].reason
    ('land', 'not on the list: car; rolled up to land')
    """
    tree = as_tree(tree)
    check_choice("floor_rule", floor_rule, RULES)
    if rule in RULES:
        raise ValueError(f"`rule` picks a class; for the floor say floor_rule={rule!r}.")
    check_rule("" if rule is None else rule)
    if floor_rule not in NESTED_RULES and (rule or allowed is not None):
        raise ValueError(
            f"`floor_rule` must be one of {NESTED_RULES} together with `rule` or `allowed`: they "
            f"start from one class. Received: floor_rule={floor_rule!r}"
        )
    steps = {"temperature": temperature, "prior": prior, "rule": rule, "allowed": allowed}
    start = start_of(probabilities, tree, floor_rule, **steps)
    if accuracy is not None:
        if floor is not None:
            raise ValueError("Give one of `floor` and `accuracy`, not both.")
        floor = _calibrated(accuracy, calibration, tree, floor_rule, steps)
    elif calibration is not None:
        raise ValueError("`calibration` is for `accuracy`, the wanted share of right answers.")
    floors = _floors(floor, start.found, free=accuracy is not None)
    if floor_rule in NESTED_RULES:
        enough = (start.found >= floors[:, None]) & start.listed
        column = np.where(enough, np.arange(enough.shape[1]), 0).max(axis=1)
        node = _pick(start.path, column)
    else:
        answer = jump if floor_rule == "jumping" else widest_coverage
        nodes, least = (ops.convert_to_tensor(v) for v in (start.nodes, floors[:, None]))
        node = ops.convert_to_numpy(answer(nodes, tree, least)).astype(np.int64)
        node = np.where(start.possible, node, tree.num_nodes - 1)
    lowest = np.where(start.listed, np.arange(start.listed.shape[1]), 0).max(axis=1)
    why = reasons(
        tree, node, start.best, _pick(start.path, lowest), _pick(start.found, lowest), floors,
        start.possible,
    )  # fmt: skip
    probability = np.take_along_axis(start.nodes, node[:, None], axis=1)[:, 0]
    return Decisions(tree, node, probability, start.best, why, floor)


def _calibrated(
    accuracy: float, calibration: Any, tree: ClassTree, floor_rule: str, steps: dict[str, Any]
) -> float:
    """Floor under which answers to examples like the held-out ones are right so often."""
    check_share("accuracy", accuracy)
    check_choice("floor_rule", floor_rule, NESTED_RULES, ": others carry no guarantee")
    if not isinstance(calibration, (tuple, list)) or len(calibration) != 2:
        raise ValueError(
            "`accuracy` needs `calibration=(labels, probabilities)` of held-out examples, not "
            f"trained on; or give a `floor`. Received: calibration of {type(calibration).__name__}"
        )
    labels, probabilities = calibration
    for name in ("prior", "allowed"):
        if np.ndim(steps[name]) == 2:
            raise ValueError(
                f"`{name}` must be the same for all examples where `accuracy` is given: a floor is "
                "calibrated for one. Received: one per example"
            )
    held_out = start_of(probabilities, tree, floor_rule, **steps)
    labels = check_labels(labels, tree.num_classes, len(held_out.best))
    columns = [0, -1] if floor_rule == "selective" else slice(None)
    right = held_out.path == tree.paths[:, columns][labels]
    return conformal_quantile(tight_of(held_out.found, right, held_out.listed), accuracy)


def _floors(floor: Any, found: np.ndarray, free: bool) -> np.ndarray:
    """Floors `[B]` in the precision of the probabilities; a calibrated one may be above 1."""
    floors = check_floors(0.0 if floor is None else floor, "floor", np.inf if free else 1)
    if floors.ndim > 1 or (floors.ndim == 1 and len(floors) != len(found)):
        raise ValueError(
            f"`floor` must be one number or one per example, [{len(found)}]. "
            f"Received shape: {floors.shape}"
        )
    return np.broadcast_to(floors, (len(found),)).astype(found.dtype)


def _pick(rows: np.ndarray, column: np.ndarray) -> np.ndarray:
    return np.take_along_axis(rows, column[:, None], axis=1)[:, 0]
