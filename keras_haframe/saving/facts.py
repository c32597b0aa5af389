"""What the model is and how it was trained, as JSON that travels with it."""

from __future__ import annotations

import datetime
import importlib
import json
import math
import pathlib
import platform
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.models import HierarchicalClassifier
from keras_haframe.saving.large_tree import is_large
from keras_haframe.tree import ClassTree
from keras_haframe.version import __version__

if TYPE_CHECKING:
    from keras_haframe.saving.signatures import Options


def collect(
    model: HierarchicalClassifier,
    preprocessing: Preprocessing | Callable | None,
    signatures: dict,
    options: Options,
    metrics: dict | None = None,
    training: dict | None = None,
) -> dict:
    """Facts of a model for `model.json` and the model card.

    Args:
        model: A `HierarchicalClassifier`.
        preprocessing: `Preprocessing`, another function, or `None` (no encoded images).
        signatures: Served functions by name.
        options: `signatures.Options`.
        metrics: Numbers by name, as `keras_haframe.metrics.summary` gives them.
        training: Further facts by name (data set, epochs, hardware and so on).

    Returns:
        A dictionary of what JSON can hold.
    """
    tree, image = model.tree, model.inputs[0]
    return plain(
        {
            "name": model.name,
            "method": model.method.name,
            "method_options": model.method.options(),
            "backbone": model.backbone.name,
            "parameters": model.count_params(),
            "tree": {
                "name": tree.name,
                "classes": tree.num_classes,
                "nodes": tree.num_nodes,
                "height": tree.height,
                "root": tree.root,
            },
            "input": {
                "name": "images",
                "shape": [None, *image.shape[1:]],
                "dtype": "float32",
                "range": input_range(preprocessing),
            },
            "preprocessing": describe(preprocessing),
            "limits": {
                "max_pixels": options.max_pixels,
                "max_scans": options.max_scans,
                "top_k": options.top_k,
            },
            "signatures": sorted(signatures),
            "training": {**_from_optimizer(model), **(training or {})},
            "metrics": metrics or {},
            "versions": {
                "keras_haframe": __version__,
                "keras": keras.__version__,
                keras.backend.backend(): _backend_version(),
                "python": platform.python_version(),
            },
            "exported": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }
    )


def write(folder: pathlib.Path, facts: dict, tree: ClassTree) -> list[pathlib.Path]:
    """Write `model.json` and `labels.json` beside `tree.json`; return the files.

    A large tree's `tree.json` has the names in the order of their numbers already.
    """
    files = [folder / f"{stem}.json" for stem in ("model", "tree", "labels")]
    files[0].write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    if is_large(tree):
        return files[:2]
    files[2].write_text(
        json.dumps({"classes": tree.leaves, "nodes": tree.nodes}, indent=2, ensure_ascii=False),
        encoding="utf-8",
    )
    return files


def describe(preprocessing: Preprocessing | Callable | None) -> dict | None:
    """Return the preparation of images as a dictionary; for a function of the user's, its name."""
    if preprocessing is None:
        return None
    if isinstance(preprocessing, Preprocessing):
        return preprocessing.get_config()
    name = getattr(preprocessing, "name", None) or getattr(preprocessing, "__name__", None)
    return {"function": name or type(preprocessing).__name__}


def input_range(preprocessing: Preprocessing | Callable | None) -> Any:
    """Lowest and highest value of the model's input, or `None` where they are not known."""
    if not isinstance(preprocessing, Preprocessing):
        return None
    ends = np.stack([np.full(3, v) for v in preprocessing.input_range])
    if preprocessing.mean is not None:
        ends = ends - np.asarray(preprocessing.mean)
    if preprocessing.std is not None:
        ends = ends / np.asarray(preprocessing.std)
    return [float(ends.min()), float(ends.max())]


def plain(value: Any) -> Any:
    """`value` with NumPy numbers, tuples and non-finite numbers turned into what JSON holds."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def _from_optimizer(model: HierarchicalClassifier) -> dict:
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return {}
    steps = int(keras.ops.convert_to_numpy(optimizer.iterations))
    if not steps:
        return {"steps": 0}
    epochs = getattr(getattr(model, "history", None), "epoch", None)  # of the fit just done
    config = optimizer.get_config()
    rate = config.get("learning_rate")
    if isinstance(rate, dict):
        rate = {"schedule": rate.get("class_name"), **rate.get("config", {})}
    known = {"epochs": epochs[-1] + 1} if epochs else {}
    return {"optimizer": optimizer.name, "learning_rate": rate, "steps": steps, **known}


def _backend_version() -> str:
    return str(importlib.import_module(keras.backend.backend()).__version__)
