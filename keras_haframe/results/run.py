"""The folder of a run, one training with one seed: written and read here and nowhere else.

Its files: docs/report.md. A run that has `result.json` is finished.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_haframe.files import PathLike, read_object, reading, whole, write_text
from keras_haframe.results.made_with import check_made_with
from keras_haframe.tree_ops.checks import check_labels

SETTINGS, TREE, HISTORY, SECONDS = "settings.json", "tree.json", "history.csv", "seconds.csv"
CONTINUED = "continued_after"  # setting of a run that was given more epochs: how many it had
MADE_WITH = "made_with"  # backend, precision, versions and data, see `made_with`
SCORES, RESULT = "scores.npz", "result.json"
CHECKPOINTS, TENSORBOARD = "checkpoints", "tensorboard"


def keep_settings(
    folder: PathLike, settings: Mapping[str, Any], made_with: Mapping[str, Any] | None = None
) -> None:
    """Write what defines a run or an experiment, or check that the folder holds the same.

    More `epochs` than before are taken: a finished run is unfinished again and goes on. That its
    first epochs followed the shorter schedule is noted in the settings.

    Args:
        folder: The folder.
        settings: JSON values, arrays and paths by name.
        made_with: What `results.made_with` says of the process; compared with what the folder
            holds, if it holds any.

    Raises:
        ValueError: If the folder holds other settings, or was made with other data, another
            backend or precision: what lies there was made under them.
    """
    path = pathlib.Path(folder) / SETTINGS
    settings = json.loads(json.dumps(dict(settings), default=_plain))
    if not path.exists():
        made = {MADE_WITH: dict(made_with)} if made_with else {}
        write_text(path, json.dumps({**settings, **made}, indent=1) + "\n")
        return
    kept = read_settings(folder)
    made = {MADE_WITH: kept.pop(MADE_WITH)} if MADE_WITH in kept else {}
    before, continued = kept.get("epochs"), kept.pop(CONTINUED, [])
    counts = isinstance(before, int) and isinstance(settings.get("epochs"), int)
    more = counts and settings["epochs"] > before
    for k in sorted(kept.keys() | settings.keys()):
        if not _same(kept.get(k), settings.get(k)) and not (more and k == "epochs"):
            raise ValueError(
                f"{path.parent} holds results made with {k}={kept.get(k)!r}; now it is "
                f"{k}={settings.get(k)!r}. Choose another folder, or remove that one."
            )
    if made and made_with and not _trained(path.parent):
        made = {MADE_WITH: dict(made_with)}
        noted = {CONTINUED: continued} if continued else {}
        write_text(path, json.dumps({**kept, **noted, **made}, indent=1) + "\n")
    going_on = more or not (path.parent / RESULT).is_file()
    check_made_with(path.parent, made.get(MADE_WITH), made_with, going_on)
    if more:
        settings = {**settings, CONTINUED: [*_list(continued), before], **made}
        write_text(path, json.dumps(settings, indent=1) + "\n")
        (path.parent / RESULT).unlink(missing_ok=True)


def remove_partial(folder: PathLike) -> None:
    """Remove what killed processes left of a run's files; only for who holds the folder's lock."""
    for name in (SETTINGS, TREE, HISTORY, SECONDS, SCORES, RESULT):
        stem, _, suffix = name.partition(".")
        for path in pathlib.Path(folder).glob(f".{stem}.*.partial.{suffix}"):
            path.unlink(missing_ok=True)


def _trained(folder: pathlib.Path) -> bool:
    """Whether anything was trained in the folder of a run or an experiment."""
    kept = (RESULT, f"{CHECKPOINTS}/*")
    return any(path for name in kept for path in (*folder.glob(name), *folder.glob(f"*/{name}")))


def _list(value: Any) -> list:
    return value if isinstance(value, list) else []


def _same(a: Any, b: Any) -> bool:
    return a == b or json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)  # NaN


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else str(value)


def read_settings(folder: PathLike) -> dict[str, Any]:
    """Read what `keep_settings` wrote; empty without the file."""
    path = pathlib.Path(folder) / SETTINGS
    if not path.is_file():
        return {}
    return read_object(
        path,
        "Remove it and give the very command that the folder was made by: it is written anew.",
    )


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
    arrays = _arrays(path)
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
    return str(_arrays(pathlib.Path(folder) / SCORES, "split").get("split", ""))


def _arrays(path: pathlib.Path, *names: str) -> dict[str, np.ndarray]:
    """Read a file of scores: the arrays of these names, or all."""
    mend = (
        f"Of a run: remove it and the {RESULT} beside it, and give the same command again; it is "
        "made anew from the checkpoint."
    )
    with reading(path, mend), np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files if not names or name in names}


def write_result(folder: PathLike, result: Mapping[str, Any]) -> None:
    """Write the metrics of a run; it is finished then."""
    write_text(pathlib.Path(folder) / RESULT, json.dumps(dict(result), indent=1) + "\n")


def read_result(folder: PathLike) -> dict[str, Any] | None:
    """Metrics of a finished run, or `None`."""
    path = pathlib.Path(folder) / RESULT
    mend = "Remove it and give the same command again: it is made anew from the checkpoint."
    return read_object(path, mend) if path.is_file() else None
