"""The folder of an experiment: folders of its runs, results of all of them, test images.

An experiment is rows of a table times seeds. The files: docs/report.md.
"""

from __future__ import annotations

import csv
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_haframe.files import PathLike, reading, whole
from keras_haframe.results.table import write_csv

RESULTS, IMAGES = "results.csv", "images.npz"


def run_folder(experiment: PathLike, row: str, seed: int) -> pathlib.Path:
    """Folder of a run in that of its experiment."""
    name = "".join(c if c.isalnum() or c in "_-." else "_" for c in row)
    return pathlib.Path(experiment) / f"{name}_seed{seed}"


def write_images(folder: PathLike, images: np.ndarray) -> None:
    """Keep the test images uint8 `[n, H, W, 3]` of an experiment, for the sheet of mistakes."""
    with whole(pathlib.Path(folder) / IMAGES) as partial:
        np.savez_compressed(partial, images=images)


def add_results(folder: PathLike, results: Sequence[Mapping[str, Any]]) -> None:
    """Put results into an experiment's results.csv; those of other rows and seeds stay."""
    path = pathlib.Path(folder) / RESULTS

    def key(row: Mapping) -> tuple:
        return tuple(str(row.get(k, "")) for k in ("method", "decision", "seed"))

    new = {key(row) for row in results}
    before = read_results(path) if path.exists() else []
    write_csv([*(row for row in before if key(row) not in new), *results], path)


def read_results(path: pathlib.Path) -> list[dict[str, str]]:
    """Read rows of a results.csv as text, by column; a `ValueError` for a file of another form."""
    mend = "Remove it and give the same command again: it is made anew from the runs' folders."
    with reading(path, mend), open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or "method" not in rows[0] or any(None in row for row in rows):
        raise ValueError(
            f"{path} must have a header with the column `method`, at least one row below it, and "
            "no row longer than the header."
        )
    return [{k: v or "" for k, v in row.items()} for row in rows]


def read_images(path: pathlib.Path, count: int) -> np.ndarray:
    """Read the kept images of `count` test examples; a `ValueError` for arrays of another form."""
    with reading(path), np.load(path, allow_pickle=False) as file:
        images = file["images"] if "images" in file.files else np.zeros(0)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[::3] != (count, 3):
        raise ValueError(
            f"`images` in {path} must be uint8 [{count}, H, W, 3]. "
            f"Received: {images.dtype}, shape {images.shape}"
        )
    return images
