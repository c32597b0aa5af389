"""Checkpoints as they were before they held steps: folders of two files. Read, never written."""

from __future__ import annotations

import json
import pathlib
import warnings
import zlib
from typing import Any

import keras
import numpy as np

WEIGHTS = "model.weights.h5"


def newest(folder: pathlib.Path) -> tuple[pathlib.Path, dict[str, Any]] | None:
    """Return the newest whole checkpoint of a folder and its state; `None` without one."""
    for path in sorted(folder.glob("epoch-????"), reverse=True):
        try:
            state = json.loads((path / "state.json").read_text(encoding="utf-8"))
            if state["checksum"] == zlib.crc32((path / WEIGHTS).read_bytes()):
                return path, state
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def put(model: keras.Model, path: pathlib.Path, state: dict[str, Any]) -> None:
    """Put a checkpoint into a compiled model whose optimizer is built."""
    model.load_weights(path / WEIGHTS)
    known = {id(v) for v in model.weights}
    seeds = [v for v in model.variables if id(v) not in known and "seed_generator" in v.path]
    for variable, value in zip(seeds, state["random"], strict=True):
        variable.assign(np.array(value, variable.dtype))


def best_path(folder: pathlib.Path, epoch: int) -> pathlib.Path:
    """Return the file of the best epoch, counted from 0."""
    return folder / f"best-{epoch + 1:04d}.weights.h5"


def put_best(model: keras.Model, path: pathlib.Path) -> None:
    """Put the weights of the best epoch into a model."""
    with warnings.catch_warnings():  # of an earlier stage's optimizer
        warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
        model.load_weights(path)
