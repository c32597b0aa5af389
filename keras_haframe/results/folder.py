"""The folder of a run: what is in it, written and read here and nowhere else.

A *run* is one training with one seed. Its folder holds

- `settings.json`: what defines the run; the same folder refuses other settings;
- `tree.json`: the class tree;
- `history.csv`: loss and metrics of every epoch, `seconds.csv`: how long each took;
- `checkpoints/`, `tensorboard/`;
- `scores.npz`: test scores `[n, K]` and labels `[n]`;
- `result.json`: the metrics of the test scores. A run that has it is finished.

An *experiment* is several runs, rows of a table times seeds. Its folder holds a folder per run,
`settings.json` and `tree.json`, `results.csv` (a line per row, decision rule and seed), and, where
a recipe makes them, `nc*.csv` with measures of collapse, figures `*.png` and `images.npz`, the test
images `[n, H, W, 3]`.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_haframe.files import whole, write_text
from keras_haframe.plots.curves import read_history
from keras_haframe.results.table import write_csv
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.checks import check_labels

SETTINGS, TREE, RESULTS, RESULT = "settings.json", "tree.json", "results.csv", "result.json"
HISTORY, SECONDS, SCORES, IMAGES = "history.csv", "seconds.csv", "scores.npz", "images.npz"
CHECKPOINTS, TENSORBOARD = "checkpoints", "tensorboard"
PNG = b"\x89PNG\r\n\x1a\n"


# Writing --------------------------------------------------------------------------------------


def run_folder(experiment: str | pathlib.Path, row: str, seed: int) -> pathlib.Path:
    """Folder of a run in that of its experiment."""
    name = "".join(c if c.isalnum() or c in "_-." else "_" for c in row)
    return pathlib.Path(experiment) / f"{name}_seed{seed}"


def keep_settings(folder: str | pathlib.Path, settings: Mapping[str, Any]) -> None:
    """Write what defines a run (or an experiment), or check that the folder holds the same.

    Args:
        folder: The folder.
        settings: JSON values and paths by name.

    Raises:
        ValueError: If the folder holds other settings: what lies there was made under them.
    """
    path = pathlib.Path(folder) / SETTINGS
    settings = json.loads(json.dumps(dict(settings), default=_plain))
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        for k in sorted(kept.keys() | settings.keys()):
            if kept.get(k) != settings.get(k):
                raise ValueError(
                    f"{path.parent} holds results made with {k}={kept.get(k)!r}; now it is "
                    f"{k}={settings.get(k)!r}. Choose another folder, or remove that one."
                )
        return
    write_text(path, json.dumps(settings, indent=1) + "\n")


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else str(value)


def write_scores(folder: str | pathlib.Path, scores: np.ndarray, labels: np.ndarray) -> None:
    """Keep test scores `[n, K]` and labels `[n]`."""
    with whole(pathlib.Path(folder) / SCORES) as partial:
        np.savez_compressed(partial, scores=scores, labels=np.asarray(labels))


def write_images(folder: str | pathlib.Path, images: np.ndarray) -> None:
    """Keep the test images uint8 `[n, H, W, 3]` of an experiment, for the sheet of mistakes."""
    with whole(pathlib.Path(folder) / IMAGES) as partial:
        np.savez_compressed(partial, images=images)


def write_result(folder: str | pathlib.Path, result: Mapping[str, Any]) -> None:
    """Write the metrics of a run; it is finished then."""
    write_text(pathlib.Path(folder) / RESULT, json.dumps(dict(result), indent=1) + "\n")


def finished(folder: str | pathlib.Path) -> dict | None:
    """Return the result of a finished run, or `None`."""
    path = pathlib.Path(folder) / RESULT
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def read_scores(folder: str | pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Test scores `[n, K]` and labels `[n]` of a finished run."""
    with np.load(pathlib.Path(folder) / SCORES, allow_pickle=False) as kept:
        return kept["scores"], kept["labels"]


def add_results(folder: str | pathlib.Path, results: Sequence[Mapping[str, Any]]) -> None:
    """Put results into an experiment's results.csv; those of other rows and seeds stay."""
    path = pathlib.Path(folder) / RESULTS

    def key(row: Mapping) -> tuple:
        return tuple(str(row.get(k, "")) for k in ("method", "decision", "seed"))

    new = {key(row) for row in results}
    before = _results(path) if path.exists() else []
    write_csv([*(row for row in before if key(row) not in new), *results], path)


# Reading --------------------------------------------------------------------------------------


@dataclasses.dataclass
class TestScores:
    """Test scores of a run, and of a baseline in the same experiment.

    Attributes:
        scores: Class scores `[n, K]`.
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
    """Content of the folder of a run or an experiment.

    Attributes:
        folder: The folder.
        results: Rows of results as text, by column.
        settings: Content of settings.json; empty without the file.
        histories: Columns of every history, by the run's (or the file's) name.
        figures: Paths of the PNG files, by name.
        tree: The class tree, or None.
        predictions: Test scores: of the last row that has some with, as a baseline, the first; or
            None.
        notes: What could not be used and why, one sentence each.
    """

    folder: pathlib.Path
    results: list[dict[str, str]]
    settings: dict = dataclasses.field(default_factory=dict)
    histories: dict[str, dict[str, np.ndarray]] = dataclasses.field(default_factory=dict)
    figures: list[pathlib.Path] = dataclasses.field(default_factory=list)
    tree: ClassTree | None = None
    predictions: TestScores | None = None
    notes: list[str] = dataclasses.field(default_factory=list)


def read_run(folder: str | pathlib.Path) -> Run:
    """Read the folder of a run or an experiment.

    Args:
        folder: The folder. It must hold results.csv, or result.json of a finished run, or folders
            of finished runs; everything else is optional.

    Returns:
        A `Run`.

    Raises:
        ValueError: If there is no result, or a file does not hold what its name says. The message
            names the file.

    Example:

    ```python
    run = read_run("runs/aircraft")
    run.results[0]["method"]
    ```
    """
    folder = pathlib.Path(folder)
    runs = sorted(path.parent for path in folder.glob(f"*/{RESULT}"))
    if (folder / RESULT).is_file():
        runs = [folder]
    if (folder / RESULTS).is_file():
        results = _results(folder / RESULTS)
    else:
        results = [_as_text(finished(path)) for path in runs]
    if not results:
        raise ValueError(
            f"{folder} holds no results: it needs {RESULTS} of an experiment or {RESULT} of a "
            "finished run, as training.run and training.compare write them."
        )
    run = Run(folder, results)
    if (folder / SETTINGS).is_file():
        run.settings = _settings(folder / SETTINGS)
    for path in sorted([*folder.glob("history*.csv"), *folder.glob("nc*.csv")]):
        run.histories[path.stem] = read_history(path)
    for path in sorted(folder.glob(f"*/{HISTORY}")):
        run.histories[path.parent.name] = read_history(path)
    for path in sorted(folder.glob("*.png")):
        with open(path, "rb") as file:
            is_png = file.read(len(PNG)) == PNG
        if is_png:
            run.figures.append(path)
        else:
            run.notes.append(f"{path.name} is not a PNG file and is left out.")
    trees = [path / TREE for path in (folder, *runs) if (path / TREE).is_file()]
    if trees:
        run.tree = ClassTree.from_json(trees[0])
    scored = [path for path in runs if (path / SCORES).is_file()]
    if scored and run.tree is None:
        run.notes.append(f"{SCORES} is left out: it needs {TREE} beside it.")
    elif scored and run.tree is not None:
        run.predictions = _predictions(folder, scored, results, run.tree.num_classes)
    return run


def _as_text(result: Mapping[str, Any] | None) -> dict[str, str]:
    return {k: "" if v is None else str(v) for k, v in {"method": "run", **(result or {})}.items()}


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


def _predictions(folder: pathlib.Path, scored: list, results: list, num_classes: int) -> TestScores:
    """Scores of the last row of results that has some, and of the first, with one seed."""
    by_row: dict[str, list] = {}
    for path in scored:
        by_row.setdefault(str((finished(path) or {}).get("method", path.name)), []).append(path)
    order = list(dict.fromkeys(row["method"] for row in results))
    names = sorted(by_row, key=lambda name: order.index(name) if name in order else len(order))
    model = sorted(by_row[names[-1]])[0]
    scores, labels = _scores(model, num_classes)
    predictions = TestScores(scores, labels, names=(names[-1], names[0]))
    if len(names) > 1:
        baseline, others = _scores(sorted(by_row[names[0]])[0], num_classes)
        if np.array_equal(labels, others):
            predictions.baseline = baseline
    if (folder / IMAGES).is_file():
        predictions.images = _images(folder / IMAGES, len(labels))
    return predictions


def _scores(folder: pathlib.Path, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    path = folder / SCORES
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    missing = {"scores", "labels"} - set(arrays)
    if missing:
        raise ValueError(
            f"{path} must hold `scores` [n, K] and `labels` [n]. Missing: {sorted(missing)}"
        )
    labels = check_labels(arrays["labels"], num_classes, source=str(path), least=1)
    scores = arrays["scores"]
    if scores.shape != (len(labels), num_classes) or not np.isfinite(scores).all():
        raise ValueError(
            f"`scores` in {path} must be finite, [{len(labels)}, {num_classes}], one column per "
            f"class of {TREE}. Received shape: {scores.shape}"
        )
    return scores, labels


def _images(path: pathlib.Path, count: int) -> np.ndarray:
    with np.load(path, allow_pickle=False) as file:
        images = file["images"] if "images" in file.files else np.zeros(0)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[::3] != (count, 3):
        raise ValueError(
            f"`images` in {path} must be uint8 [{count}, H, W, 3]. "
            f"Received: {images.dtype}, shape {images.shape}"
        )
    return images
