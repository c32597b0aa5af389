"""Everything counted in one pass over the scores, a few thousand rows at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from keras_haframe.decisions import names as rule_names
from keras_haframe.decisions.calibrate_threshold import nested_answers
from keras_haframe.decisions.rules import rank
from keras_haframe.evaluation.scores import chunks
from keras_haframe.metrics import LevelCalibrationError, headline_metrics
from keras_haframe.tree import ClassTree


class Counted(NamedTuple):
    """What one pass finds.

    Attributes:
        best: int64 `[n]`, the class with the highest score.
        rules: Headline metrics by decision rule, `""` for none.
        changed: Number of rows whose best class a rule changes, by rule.
        levels: Filled `LevelCalibrationError`s, level 1 first.
        nested: `(nodes, probabilities, right)` of `nested_answers`, `[n, height + 1]` each.
    """

    best: np.ndarray
    rules: dict[str, dict[str, float]]
    changed: dict[str, int]
    levels: list[LevelCalibrationError]
    nested: tuple[np.ndarray, np.ndarray, np.ndarray]


def count(
    labels: np.ndarray, scores: np.ndarray, p: np.ndarray, tree: ClassTree, convention: str
) -> Counted:
    """Run every metric and rule over labels `[n]`, scores and probabilities `[n, K]`."""
    rules = ["", *rule_names()]
    metrics = {rule: headline_metrics(tree, convention) for rule in rules}
    levels = [
        LevelCalibrationError(tree, level, from_logits=False) for level in range(1, tree.height + 1)
    ]
    best, changed = np.empty(len(labels), np.int64), dict.fromkeys(rules, 0)
    found: list[tuple[np.ndarray, ...]] = []
    for rows in chunks(*scores.shape):
        y, q = ops.convert_to_tensor(labels[rows]), ops.convert_to_tensor(p[rows])
        for rule in rules:
            z = rank(q, tree, rule) if rule else ops.convert_to_tensor(scores[rows])
            for metric in metrics[rule]:
                metric.update_state(y, z)
            picked = ops.convert_to_numpy(ops.argmax(z, axis=-1))
            if not rule:
                best[rows] = picked
            changed[rule] += int((picked != best[rows]).sum())
        for level in levels:
            level.update_state(y, q)
        found.append(nested_answers(y, q, tree, "climbing"))
    headline = {rule: {m.name: float(m.result()) for m in metrics[rule]} for rule in rules}
    nodes, probabilities, right = (np.concatenate(part) for part in zip(*found))
    return Counted(best, headline, changed, levels, (nodes, probabilities, right))


def level_rows(counted: Counted, labels: np.ndarray, tree: ClassTree) -> list[dict[str, Any]]:
    """Per level: nodes, accuracy of the best class's ancestor and rolled up, confidence, ECE."""
    rows, every = [], tree.level_labels()
    for metric in counted.levels:
        table = every[:, -metric.level]
        bins = metric.reliability()
        weight = bins["weight"]
        rows.append(
            {
                "level": metric.level,
                "nodes": int(table.max()) + 1,
                "accuracy": float((table[labels] == table[counted.best]).mean()),
                "rolled_up_accuracy": _mean(bins["accuracy"], weight),
                "confidence": _mean(bins["confidence"], weight),
                "calibration_error": float(metric.result()),
            }
        )
    return rows


def _mean(values: np.ndarray, weight: np.ndarray) -> float:
    return float(np.nansum(values * weight) / weight.sum())


def lowest_common(labels: np.ndarray, classes: np.ndarray, tree: ClassTree) -> np.ndarray:
    """Lowest common ancestor of pairs of classes, int64 `[n]`, in `[n, height + 1]` memory."""
    depth = (tree.paths[labels] == tree.paths[classes]).sum(axis=1) - 1
    return tree.paths[labels, depth]


def height_rows(
    labels: np.ndarray, best: np.ndarray, tree: ClassTree, convention: str
) -> list[dict[str, Any]]:
    """Per LCA height: number of mistakes, and their share."""
    heights = tree.node_heights(convention)
    wrong = labels != best
    found = heights[lowest_common(labels[wrong], best[wrong], tree)]
    counts = np.bincount(found, minlength=int(heights[-1]) + 1)[1:]
    return [
        {"height": h, "mistakes": int(c), "share": int(c) / max(int(counts.sum()), 1)}
        for h, c in enumerate(counts, start=1)
    ]


def pair_counts(
    labels: np.ndarray, best: np.ndarray, tree: ClassTree
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Label, answer and number of each kind of mistake, most frequent first; no K x K table."""
    wrong = labels != best
    codes, counts = np.unique(labels[wrong] * tree.num_classes + best[wrong], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return codes[order] // tree.num_classes, codes[order] % tree.num_classes, counts[order]


def class_rows(
    labels: np.ndarray, best: np.ndarray, pairs: tuple[np.ndarray, ...], tree: ClassTree
) -> list[dict[str, Any]]:
    """Per class: examples, accuracy, precision, and the most frequent wrong answer."""
    k = tree.num_classes
    examples, answers = np.bincount(labels, minlength=k), np.bincount(best, minlength=k)
    right = np.bincount(labels[labels == best], minlength=k)
    first = {}
    for label, answer, number in zip(*(part[::-1].tolist() for part in pairs)):
        first[label] = (tree.leaves[answer], number)  # the most frequent comes last
    return [
        {
            "class": name,
            "examples": int(examples[i]),
            "accuracy": float(right[i] / examples[i]) if examples[i] else float("nan"),
            "precision": float(right[i] / answers[i]) if answers[i] else float("nan"),
            "wrong_answer": first[i][0] if i in first else None,
            "wrong_answers": first[i][1] if i in first else 0,
        }
        for i, name in enumerate(tree.leaves)
    ]


def pair_rows(
    pairs: tuple[np.ndarray, ...], labels: np.ndarray, tree: ClassTree, convention: str, most: int
) -> list[dict[str, Any]]:
    """Return the most frequent mistakes, with what label and answer have in common."""
    label, answer, number = (part[:most] for part in pairs)
    lca = lowest_common(label, answer, tree)
    heights = tree.node_heights(convention)
    examples = np.bincount(labels, minlength=tree.num_classes)
    return [
        {
            "class": tree.leaves[y],
            "answer": tree.leaves[a],
            "times": int(c),
            "share_of_class": float(c / examples[y]),
            "in_common": tree.nodes[n],
            "height": int(heights[n]),
        }
        for y, a, c, n in zip(label, answer, number, lca)
    ]
