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


def add_allowed(parser: argparse.ArgumentParser) -> None:
    """Argument of the commands that take an allow-list."""
    parser.add_argument(
        "--allowed", nargs="+", metavar="NAME",
        help="classes or inner nodes that may be answered; @FILE: one name a line",
    )  # fmt: skip


def names(words: list[str] | None) -> list[str] | None:
    """Return names, those of files read from them."""
    if words is None:
        return None
    found: list[str] = []
    for word in words:
        if word.startswith("@"):
            lines = pathlib.Path(word[1:]).read_text(encoding="utf-8-sig").splitlines()
            found += [line.strip() for line in lines if line.strip()]
        else:
            found.append(word)
    return found


def as_json(value: Any) -> str:
    """Return JSON as the commands print it."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
