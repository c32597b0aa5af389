"""`haframe evaluate SCORES TREE`: what the tree says about the scores of any classifier."""

from __future__ import annotations

import argparse
import pathlib

from keras_haframe.cli import files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `haframe evaluate`."""
    files.add_score_arguments(parser)
    parser.add_argument(
        "--labels",
        help="a file of labels, or the column (array) of SCORES that has them; "
        "by default one named label, labels, y_true, target or class",
    )
    parser.add_argument("--html", type=pathlib.Path, help="also write a page to this file")
    parser.add_argument("--name", help="what to call the classifier; the file's name by default")
    parser.add_argument("--convention", choices=("depth", "subtree"), default="depth")


def run(args: argparse.Namespace) -> int:
    """Print the report."""
    from keras_haframe.evaluation import evaluate
    from keras_haframe.tree.files import read

    report = evaluate(
        args.labels, args.scores, read(args.tree), kind=args.kind,
        convention=args.convention, name=args.name or args.scores.stem,
    )  # fmt: skip
    print(files.as_json(report.to_dict()) if args.json else report)
    if args.html:
        report.to_html(args.html)
        if not args.json:
            print(f"\n{args.html}")
    return 0
