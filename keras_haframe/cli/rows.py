"""Answers of `hierarchical_bytes` as rows, tables and JSON, for the commands."""

from __future__ import annotations

import argparse
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_haframe.cli import files
from keras_haframe.files import PathLike
from keras_haframe.text_table import aligned
from keras_haframe.tree import ClassTree
from keras_haframe.tree.named_classes import named_classes

SUFFIXES = (".jpg", ".jpeg", ".png")


def image_files(paths: Sequence[PathLike]) -> list[pathlib.Path]:
    """Image files among `paths`; folders are searched, sorted, for .jpg, .jpeg and .png.

    Raises:
        ValueError: If a path does not exist or nothing is found.
    """
    files = []
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            inside = (f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES and f.is_file())
            files += sorted(inside)
        elif path.is_file():
            files.append(path)
        else:
            raise ValueError(f"No such file or folder: {path}")
    if not files:
        raise ValueError(f"No image ({', '.join(SUFFIXES)}) in {', '.join(map(str, paths))}.")
    return files


def batches(files: Sequence[pathlib.Path], size: int) -> list[Sequence[pathlib.Path]]:
    """Split into lists of at most `size` files."""
    if size < 1:
        raise ValueError(f"`batch_size` must be positive. Received: {size}")
    return [files[i : i + size] for i in range(0, len(files), size)]


def request(
    data: Sequence[bytes], threshold: float, allowed: np.ndarray | None = None
) -> tuple[dict[str, Any], str]:
    """Return the inputs of a request and the signature that takes them.

    Args:
        data: Encoded images.
        threshold: Least probability of the node in `sure_of`.
        allowed: bool `[1, K]`, the classes that may be answered; `None` for all.
    """
    floors = np.full(len(data), threshold, np.float32)
    if allowed is None:
        return {"image_bytes": list(data), "threshold": floors}, "hierarchical_bytes"
    mask = np.repeat(allowed, len(data), axis=0)
    return {"image_bytes": list(data), "floor": floors, "allowed": mask}, "decide_bytes"


def allow_list(words: list[str] | None, tree: ClassTree | PathLike | None) -> np.ndarray | None:
    """Classes that may be answered, bool `[1, K]`, from the words of `--allowed`; `None` for all.

    Args:
        words: Names of classes or inner nodes, or `@FILE`.
        tree: The model's class tree, or its `assets/tree.json`.
    """
    names = files.names(words)
    if names is None:
        return None
    if tree is None:
        raise ValueError("--allowed needs --tree, the served model's assets/tree.json.")
    if not names:
        raise ValueError("--allowed must name at least one node of the tree.")
    return named_classes(names, tree if isinstance(tree, ClassTree) else ClassTree.from_json(tree))


def to_rows(files: Sequence[pathlib.Path], outputs: dict) -> list[dict]:
    """One dictionary per image from the outputs of `hierarchical_bytes`.

    Args:
        files: Names of the images.
        outputs: NumPy arrays by output name, text as str.

    Returns:
        Rows with `file`, `ok`, and `error` or the answer; plain Python values, no NaN.
    """
    rows = []
    for i, file in enumerate(files):
        if not outputs["ok"][i]:
            rows.append({"file": str(file), "ok": False, "error": str(outputs["error"][i])})
            continue
        path = [name for name in outputs["path"][i].tolist() if name]
        probabilities = outputs["path_probabilities"][i].tolist()[: len(path)]
        rows.append(
            {
                "file": str(file),
                "ok": True,
                "class": str(outputs["class_name"][i]),
                "score": float(outputs["score"][i]),
                "path": [{"node": n, "probability": p} for n, p in zip(path, probabilities)],
                "least_risk": str(outputs["decision_name"][i]),
                "expected_distance": float(outputs["decision_distance"][i]),
                "sure_of": str(outputs["node_name"][i]),
                "sure_probability": float(outputs["node_probability"][i]),
                # Models of earlier versions give no reason.
                "reason": str(outputs["reason"][i]) if "reason" in outputs else "",
            }
        )
    return rows


def render(rows: list[dict], as_json: bool) -> str:
    """JSON, or a table with the path in the tree."""
    if as_json:
        return json.dumps(rows, indent=2, ensure_ascii=False)
    columns = ["file", "class", "score", "sure of", "reason", "least risk", "path"]
    return aligned(columns, [_cells(row) for row in rows])


def _cells(row: dict) -> list[str]:
    if not row["ok"]:
        return [row["file"], "-", "-", "-", "-", "-", f"not read: {row['error']}"]
    path = " > ".join(f"{step['node']} {step['probability']:.2f}" for step in row["path"][1:])
    sure = f"{row['sure_of']} {row['sure_probability']:.2f}"
    answer = [row["file"], row["class"], f"{row['score']:.3f}", sure, row["reason"]]
    return [*answer, row["least_risk"], path]


def add_image_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments that `predict` and `client` share."""
    parser.add_argument("images", nargs="+", help="image files, or folders of them")
    parser.add_argument(
        "--threshold",
        type=_probability,
        default=0.5,
        help="least probability of the node in the column 'sure of' (default 0.5)",
    )
    files.add_allowed(parser)
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("--batch-size", type=int, default=16, help="images per request")


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:  # NaN is neither
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1. Received: {text}")
    return value
