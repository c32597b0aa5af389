"""What a run left in its folder."""

from __future__ import annotations

import csv
import dataclasses
import json
import pathlib

import numpy as np

from keras_haframe.plots.checks import check_labels
from keras_haframe.plots.curves import read_history
from keras_haframe.tree import ClassTree

PNG = b"\x89PNG\r\n\x1a\n"


@dataclasses.dataclass
class Predictions:
    """Test predictions of a run.

    Attributes:
        scores: Class scores `[n, K]`; `softmax(scores)` are probabilities, unless the rows are
            probabilities already.
        labels: Integer labels `[n]`.
        images: uint8 `[n, H, W, 3]`, or None.
        baseline: Scores `[n, K]` of a baseline, or None.
        names: Names of the model and the baseline.
    """

    scores: np.ndarray
    labels: np.ndarray
    images: np.ndarray | None = None
    baseline: np.ndarray | None = None
    names: tuple[str, str] = ("model", "baseline")


@dataclasses.dataclass
class Run:
    """Content of a run folder.

    Attributes:
        folder: The folder.
        results: Rows of results.csv as text, by column.
        settings: Content of settings.json; empty without the file.
        histories: Columns of every history*.csv and nc*.csv, by file name without suffix.
        figures: Paths of the PNG files, by name.
        tree: The class tree, or None.
        predictions: The test predictions, or None.
        notes: What could not be used and why, one sentence each.
    """

    folder: pathlib.Path
    results: list[dict[str, str]]
    settings: dict = dataclasses.field(default_factory=dict)
    histories: dict[str, dict[str, np.ndarray]] = dataclasses.field(default_factory=dict)
    figures: list[pathlib.Path] = dataclasses.field(default_factory=list)
    tree: ClassTree | None = None
    predictions: Predictions | None = None
    notes: list[str] = dataclasses.field(default_factory=list)


def read_run(folder) -> Run:
    """Read a run folder; docs/report.md defines its files.

    Args:
        folder: The folder. It must hold results.csv; everything else is optional.

    Returns:
        A `Run`.

    Raises:
        ValueError: If the folder or results.csv is missing, or a file does not hold what its name
            says. The message names the file.

    Example:

    ```python
    run = read_run("runs/aircraft")
    run.results[0]["method"]
    ```
    """
    folder = pathlib.Path(folder)
    if not (folder / "results.csv").is_file():
        raise ValueError(
            f"{folder} needs a file results.csv with the columns method and, for example, seed, "
            "top1, severity (`training.table.write_csv` writes it)."
        )
    run = Run(folder, _results(folder / "results.csv"))
    settings = folder / "settings.json"
    if settings.is_file():
        run.settings = _settings(settings)
    for path in sorted([*folder.glob("history*.csv"), *folder.glob("nc*.csv")]):
        run.histories[path.stem] = read_history(path)
    for path in sorted(folder.glob("*.png")):
        with open(path, "rb") as file:
            whole = file.read(len(PNG)) == PNG
        if whole:
            run.figures.append(path)
        else:
            run.notes.append(f"{path.name} is not a PNG file and is left out.")
    if (folder / "tree.json").is_file():
        run.tree = ClassTree.from_json(folder / "tree.json")
    if (folder / "predictions.npz").is_file():
        if run.tree is None:
            run.notes.append("predictions.npz is left out: it needs tree.json beside it.")
        else:
            run.predictions = _predictions(folder / "predictions.npz", run.tree.num_classes)
    return run


def _results(path: pathlib.Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or "method" not in rows[0] or any(None in row for row in rows):
        raise ValueError(
            f"{path} must have a header with the column `method`, at least one row below it, and "
            "no row longer than the header."
        )
    return [{k: v or "" for k, v in row.items()} for row in rows]


def _settings(path: pathlib.Path) -> dict:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(settings, dict):
        raise ValueError(
            f"{path} must hold a JSON object of names and values. "
            f"Received: {type(settings).__name__}"
        )
    return settings


def _predictions(path: pathlib.Path, num_classes: int) -> Predictions:
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    missing = {"scores", "labels"} - set(arrays)
    if missing:
        raise ValueError(
            f"{path} must hold `scores` [n, K] and `labels` [n]. Missing: {sorted(missing)}"
        )
    try:
        labels = check_labels(arrays["labels"], num_classes)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    for name in {"scores", "baseline"} & set(arrays):
        scores = arrays[name]
        if scores.shape != (len(labels), num_classes) or not np.isfinite(scores).all():
            raise ValueError(
                f"`{name}` in {path} must be finite, [{len(labels)}, {num_classes}], one column "
                f"per class of tree.json. Received shape: {scores.shape}"
            )
    images = arrays.get("images")
    if images is not None and (
        images.dtype != np.uint8 or images.ndim != 4 or images.shape[::3] != (len(labels), 3)
    ):
        raise ValueError(
            f"`images` in {path} must be uint8 [{len(labels)}, H, W, 3]. "
            f"Received: {images.dtype}, shape {images.shape}"
        )
    names = tuple(str(n) for n in np.atleast_1d(arrays.get("names", np.array(["model"]))))
    names = (names + ("baseline",))[:2]
    return Predictions(arrays["scores"], labels, images, arrays.get("baseline"), names)
