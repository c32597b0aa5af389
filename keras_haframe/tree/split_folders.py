"""Which folders are the splits of a data set and not its classes."""

from __future__ import annotations

import os
import pathlib
import warnings

from keras_haframe.tree.folders import NO_CLASSES
from keras_haframe.tree.validation import check_path

SPLITS = ("train", "validation", "test")
SPLIT_FOLDERS = {
    "train": "train", "training": "train", "val": "validation", "valid": "validation",
    "validation": "validation", "test": "test", "testing": "test",
}  # fmt: skip


def split_folders(
    top: str | os.PathLike, divided: bool | None = None
) -> dict[str, pathlib.Path] | None:
    """Folders of the splits, where `top` is divided into them; `None` where it is not.

    It is where all of its folders are called like splits (`train`, `val`, `test` and the like) and
    one of them is `train`.

    Args:
        top: The folder.
        divided: Whether it is; `None` to see by the names.

    Raises:
        ValueError: If only some folders are called so, if one split has two, or if there is no
            `train`.
    """
    top = check_path(top)
    if divided is False or not top.is_dir():
        return None
    names = sorted(
        e.name for e in os.scandir(top)
        if e.is_dir() and not e.name.startswith(".") and e.name not in NO_CLASSES
    )  # fmt: skip
    splits = [name for name in names if name.lower() in SPLIT_FOLDERS]
    if not splits and not divided:
        return None
    others = [name for name in names if name not in splits]
    result = {SPLIT_FOLDERS[name.lower()]: top / name for name in splits}
    if len(result) < len(splits):
        raise ValueError(f"{top} has two folders for one split: {splits}. Leave one of them.")
    if divided and others:
        warnings.warn(f"{top}: left out the folders {others}, which are no splits.", stacklevel=3)
    if "train" not in result or (others and divided is None):
        raise ValueError(
            f"{top} has folders called like splits, {splits}, "
            + (f"beside {others[:3]}. " if others else "but none called 'train'. ")
            + "Say what they are: divided=True for splits (then one must be 'train'), "
            "divided=False for classes."
        )
    return {split: result[split] for split in SPLITS if split in result}
