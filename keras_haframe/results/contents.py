"""What a report reads: an experiment's folder, a single run's, or scores of any classifier."""

from __future__ import annotations

import dataclasses
import os
import pathlib

import numpy as np

from keras_haframe import metrics
from keras_haframe.files import PathLike, reading
from keras_haframe.plots.curves import read_history
from keras_haframe.results.figure import is_png
from keras_haframe.results.folder import IMAGES, RESULTS, read_images, read_results
from keras_haframe.results.run import (
    HISTORY,
    RESULT,
    SCORES,
    TREE,
    read_result,
    read_scores,
    read_settings,
    read_split,
)
from keras_haframe.tree import ClassTree


@dataclasses.dataclass
class TestScores:
    """Scores of a run, and of a baseline in the same experiment.

    Attributes:
        scores: Class scores `[n, K]`.
        labels: Integer labels `[n]`.
        images: uint8 `[n, H, W, 3]`, or None.
        baseline: Scores `[n, K]` of a baseline, or None.
        names: Names of the model and the baseline.
        split: What data they are of, such as `"test"` or `"validation"`; `""` if nobody told.
        run: Name of the model's run, with its seed; `""` for that of the model.
    """

    scores: np.ndarray
    labels: np.ndarray
    images: np.ndarray | None = None
    baseline: np.ndarray | None = None
    names: tuple[str, str] = ("model", "baseline")
    split: str = ""
    run: str = ""

    def in_words(self) -> str:
        """Which run on what data: `"HAFrame, seed 0, 300 validation images"`."""
        return f"{self.run or self.names[0]}, {self.images_in_words()}"

    def images_in_words(self) -> str:
        """How many images of what data: `"300 validation images"`, `"300 images"`."""
        return f"{len(self.labels):,} {self.split} images".replace("  ", " ")


@dataclasses.dataclass
class Folder:
    """Content of the folder of a run or an experiment.

    Attributes:
        path: The folder.
        results: Rows of results as text, by column.
        settings: Content of settings.json; empty without the file.
        histories: Columns of every history, by the run's (or the file's) name.
        figures: Paths of the PNG files, by name.
        tree: The class tree, or None.
        predictions: Scores: of the last row that has some with, as a baseline, the first; or
            None.
        notes: What could not be used and why, one sentence each.
    """

    path: pathlib.Path
    results: list[dict[str, str]] = dataclasses.field(default_factory=list)
    settings: dict = dataclasses.field(default_factory=dict)
    histories: dict[str, dict[str, np.ndarray]] = dataclasses.field(default_factory=dict)
    figures: list[pathlib.Path] = dataclasses.field(default_factory=list)
    tree: ClassTree | None = None
    predictions: TestScores | None = None
    notes: list[str] = dataclasses.field(default_factory=list)


def read_folder(folder: PathLike) -> Folder:
    """Read the folder of a run or an experiment, or scores of any classifier.

    Args:
        folder: The folder. It must hold results.csv, or result.json of a finished run, or
            scores.npz and tree.json, or folders of such runs; everything else is optional.

    Returns:
        A `Folder`.

    Raises:
        ValueError: If there is no result, or a file does not hold what its name says. The message
            names the file.

    Example:

    ```python
    folder = read_folder("runs/aircraft")
    folder.results[0]["method"]
    ```
    """
    path = pathlib.Path(folder)
    own = (RESULT, SCORES, HISTORY)
    closed = [p.name for p in (path.iterdir() if path.is_dir() else ()) if _is_closed(p)]
    runs = sorted({file.parent for name in own for file in path.glob(f"*/{name}")})
    if (path / RESULT).is_file() or (path / SCORES).is_file():
        runs = [path]
    found = Folder(path, settings=read_settings(path))
    found.notes = [f"{name} may not be read and is left out." for name in sorted(closed)]
    trees = [p / TREE for p in (path, *runs) if (p / TREE).is_file()]
    if trees:
        with reading(trees[0]):
            found.tree = ClassTree.from_json(trees[0])
    kept = {run: _result(run, found.tree) for run in runs}
    if (path / RESULTS).is_file():
        found.results = read_results(path / RESULTS)
    else:
        found.results = [result for result in kept.values() if result]
    if not found.results:
        raise ValueError(_needed(path))
    methods = {run: (result or {}).get("method", run.name) for run, result in kept.items()}
    order = [row["method"] for row in found.results]
    runs.sort(key=lambda run: order.index(methods[run]) if methods[run] in order else len(order))
    files = {f: f.stem for f in sorted([*path.glob("history*.csv"), *path.glob("nc*.csv")])}
    for run in runs:
        if (run / HISTORY).is_file():
            files[run / HISTORY] = _run_name(methods[run], kept[run])
    found.histories = {name: read_history(file) for file, name in files.items()}
    found.notes += [
        f"{file.relative_to(path)} ends within a line: its last values may be cut."
        for file in (path / RESULTS, *files)
        if file.is_file() and not file.read_bytes().endswith(b"\n")
    ]
    for file in sorted(path.glob("*.png")):
        if is_png(file.read_bytes()):
            found.figures.append(file)
        else:
            found.notes.append(f"{file.name} is not a whole PNG file and is left out.")
    scored = [run for run in runs if (run / SCORES).is_file()]
    if scored and found.tree is None:
        found.notes.append(f"{SCORES} is left out: it needs {TREE} beside it.")
    elif scored and found.tree is not None:
        found.predictions = _predictions(path, scored, methods, found.tree.num_classes)
        last = next(run for run in scored if methods[run] == found.predictions.names[0])
        found.predictions.run = _run_name(methods[last], kept[last])
    return found


def _is_closed(path: pathlib.Path) -> bool:
    return path.is_dir() and not os.access(path, os.R_OK | os.X_OK)


def _run_name(method: str, result: dict[str, str] | None) -> str:
    seed = (result or {}).get("seed")
    return method + (f", seed {seed}" if seed else "")


def _needed(path: pathlib.Path) -> str:
    return (
        f"{path} holds no results. A report needs one of: {RESULTS} with a column `method` and a "
        f"column per metric (top1, severity, ...); {RESULT} of a finished run, in the folder or "
        f"in a folder per run; {SCORES} with `scores` [n, K], finite, and `labels` [n], integers "
        f"from 0 to K-1, in the folder or in a folder per model, and {TREE}, which "
        "`ClassTree.to_json` writes, whose classes are the columns of `scores` (docs/report.md)."
    )


def _result(run: pathlib.Path, tree: ClassTree | None) -> dict[str, str] | None:
    """Metrics of a run as text: the kept ones, or those of its scores; `None` without either."""
    result = read_result(run)
    if result is None and tree is not None and (run / SCORES).is_file():
        scores, labels = read_scores(run, tree.num_classes)
        result = {"method": run.resolve().name, **metrics.summary(labels, scores, tree)}
    if result is None:
        return None
    return {k: "" if v is None else str(v) for k, v in {"method": "run", **result}.items()}


def _predictions(
    path: pathlib.Path, scored: list[pathlib.Path], methods: dict, num_classes: int
) -> TestScores:
    """Scores of the last row of results that has some, and of the first, with one seed."""
    first = {methods[run]: run for run in reversed(scored)}
    names = methods[scored[-1]], methods[scored[0]]
    scores, labels = read_scores(first[names[0]], num_classes)
    predictions = TestScores(scores, labels, names=names, split=read_split(first[names[0]]))
    if len(first) > 1:
        baseline, others = read_scores(first[names[1]], num_classes)
        if np.array_equal(labels, others):
            predictions.baseline = baseline
    if (path / IMAGES).is_file():
        predictions.images = read_images(path / IMAGES, len(labels))
    return predictions
