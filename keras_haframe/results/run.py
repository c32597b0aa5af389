"""The folder of a run, one training with one seed: written and read here and nowhere else.

Its files: docs/report.md. A run that has `result.json` is finished.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_haframe.files import PathLike, whole, write_text
from keras_haframe.tree_ops.checks import check_labels

SETTINGS, TREE, HISTORY, SECONDS = "settings.json", "tree.json", "history.csv", "seconds.csv"
CONTINUED = "continued_after"  # setting of a run that was given more epochs: how many it had
SCORES, RESULT = "scores.npz", "result.json"
CHECKPOINTS, TENSORBOARD = "checkpoints", "tensorboard"


def keep_settings(folder: PathLike, settings: Mapping[str, Any]) -> None:
    """Write what defines a run or an experiment, or check that the folder holds the same.

    More `epochs` than before are taken: a finished run is unfinished again and goes on. That its
    first epochs followed the shorter schedule is noted in the settings.

    Args:
        folder: The folder.
        settings: JSON values, arrays and paths by name.

    Raises:
        ValueError: If the folder holds other settings: what lies there was made under them.
    """
    path = pathlib.Path(folder) / SETTINGS
    settings = json.loads(json.dumps(dict(settings), default=_plain))
    if not path.exists():
        write_text(path, json.dumps(settings, indent=1) + "\n")
        return
    kept = read_settings(folder)
    before, continued = kept.get("epochs"), kept.pop(CONTINUED, [])
    more = before is not None and "epochs" in settings and settings["epochs"] > before
    for k in sorted(kept.keys() | settings.keys()):
        if kept.get(k) != settings.get(k) and not (more and k == "epochs"):
            raise ValueError(
                f"{path.parent} holds results made with {k}={kept.get(k)!r}; now it is "
                f"{k}={settings.get(k)!r}. Choose another folder, or remove that one."
            )
    if more:
        settings = {**settings, CONTINUED: [*continued, before]}
        write_text(path, json.dumps(settings, indent=1) + "\n")
        (path.parent / RESULT).unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else str(value)


def read_settings(folder: PathLike) -> dict[str, Any]:
    """Read what `keep_settings` wrote; empty without the file."""
    path = pathlib.Path(folder) / SETTINGS
    if not path.is_file():
        return {}
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


def write_scores(
    folder: PathLike, scores: np.ndarray, labels: np.ndarray, split: str | None = None
) -> None:
    """Keep scores `[n, K]`, labels `[n]` and, if told, of what data: `"test"`, `"validation"`."""
    kept: dict[str, Any] = {"scores": scores, "labels": np.asarray(labels)}
    if split is not None:
        kept["split"] = split
    with whole(pathlib.Path(folder) / SCORES) as partial:
        np.savez_compressed(partial, **kept)


def read_scores(folder: PathLike, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores `[n, K]` and labels `[n]`.

    Args:
        folder: The run's folder.
        num_classes: K of the class tree.

    Raises:
        ValueError: If they do not fit each other or the tree. The message names the file.
    """
    path = pathlib.Path(folder) / SCORES
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


def read_split(folder: PathLike) -> str:
    """Read what data the scores are of, `"test"` or `"validation"`; `""` if nobody told."""
    with np.load(pathlib.Path(folder) / SCORES, allow_pickle=False) as file:
        return str(file["split"]) if "split" in file.files else ""


def write_result(folder: PathLike, result: Mapping[str, Any]) -> None:
    """Write the metrics of a run; it is finished then."""
    write_text(pathlib.Path(folder) / RESULT, json.dumps(dict(result), indent=1) + "\n")


def read_result(folder: PathLike) -> dict[str, Any] | None:
    """Metrics of a finished run, or `None`."""
    path = pathlib.Path(folder) / RESULT
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
