"""`haframe decide SCORES TREE`: an answer per example, a class or a node above it, and why."""

from __future__ import annotations

import argparse
import pathlib
from typing import Any

from keras_haframe.cli import files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `haframe decide`."""
    files.add_score_arguments(parser)
    parser.add_argument("--floor", type=float, help="least probability of an answer, 0 to 1")
    parser.add_argument(
        "--accuracy", type=float, help="wanted share of right answers; needs --calibration"
    )
    parser.add_argument(
        "--calibration", type=pathlib.Path, help="scores and labels of held-out examples, one file"
    )
    files.add_allowed(parser)
    parser.add_argument("--rule", help="CRM or HiE in place of the most probable class")
    parser.add_argument(
        "--floor-rule", default="climbing",
        choices=("climbing", "selective", "jumping", "max_coverage"),
    )  # fmt: skip
    parser.add_argument("--temperature", type=float, help="temperature of the probabilities")
    parser.add_argument("--all", action="store_true", help="print every row, not 20")


def run(args: argparse.Namespace) -> int:
    """Print the decisions."""
    from keras_haframe.decisions import decide
    from keras_haframe.evaluation import class_labels
    from keras_haframe.tree.files import read

    tree = read(args.tree)
    p, _ = _probabilities(args.scores, tree, args.kind)
    calibration = None
    if args.calibration:
        held_out, labels = _probabilities(args.calibration, tree, args.kind)
        if labels is None:
            raise ValueError(f"{args.calibration} must also hold labels, in a column `label`.")
        calibration = class_labels(labels, tree, len(held_out)), held_out
    found = decide(
        p, tree, floor=args.floor, accuracy=args.accuracy, calibration=calibration,
        allowed=files.names(args.allowed), rule=args.rule, floor_rule=args.floor_rule,
        temperature=args.temperature,
    )  # fmt: skip
    if args.json:
        columns = found.to_dict()
        print(files.as_json([dict(zip(columns, row)) for row in zip(*columns.values())]))
    else:
        print(found.table(len(found) if args.all else None))
    return 0


def _probabilities(path: pathlib.Path, tree: Any, kind: str | None) -> tuple[Any, Any]:
    from keras_haframe.evaluation import check_class_scores, read_table, to_probabilities

    table = read_table(path, tree)
    scores = check_class_scores(table.scores, tree)
    return to_probabilities(scores, kind or table.kind)[0], table.labels
