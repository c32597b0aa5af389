"""`haframe report RUN_DIR`."""

from __future__ import annotations

import argparse
import pathlib

from keras_haframe.cli import files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the sub-command."""
    parser.add_argument(
        "run_dir",
        type=pathlib.Path,
        help="folder of a recipe or of one of its runs, or of any classifier: tree.json with "
        "scores.npz (`scores` [n, K] and `labels` [n]), or a folder with scores.npz for each "
        "(see docs/report.md)",
    )
    parser.add_argument(
        "--output", type=pathlib.Path, help="page to write; RUN_DIR/report.html by default"
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    parser.add_argument("--title", help="title of the page; the folder's name by default")


def run(args: argparse.Namespace) -> int:
    """Write the page and print where it is."""
    from keras_haframe.results import write_report

    path = write_report(args.run_dir, args.output, args.title)
    size = path.stat().st_size
    print(
        files.as_json({"page": str(path), "bytes": size})
        if args.json
        else f"{path} ({size / 1e6:.1f} MB)"
    )
    return 0
