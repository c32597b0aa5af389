"""Files that several commands read."""

from __future__ import annotations

import argparse
import json
import pathlib
from typing import Any


def add_score_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the commands that take scores of any classifier."""
    parser.add_argument(
        "scores",
        type=pathlib.Path,
        help=".npz (`scores` [n, K]), .npy, .csv or .parquet (a column per class, by name)",
    )
    parser.add_argument("tree", type=pathlib.Path, help="tree.json, a .csv, or a folder of images")
    parser.add_argument(
        "--kind", choices=("logits", "probabilities"), help="by default told by the values"
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of tables")


def as_json(value: Any) -> str:
    """Return JSON as the commands print it."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
