"""`haframe predict`: image files through an exported model, without a server."""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Sequence

import numpy as np

from keras_haframe.cli import rows
from keras_haframe.files import PathLike
from keras_haframe.text_table import LINES, visible
from keras_haframe.versions import newest


def predict_files(
    model: PathLike,
    files: Sequence[pathlib.Path],
    threshold: float = 0.5,
    batch_size: int = 16,
    allowed: list[str] | None = None,
) -> list[dict]:
    """Predict image files with an exported model.

    Args:
        model: A SavedModel written by `keras_haframe.export`, or a directory of versions, or an
            `.onnx` file written by `keras_haframe.saving.export_file`, which needs no TensorFlow.
        files: Image files.
        threshold: Least probability of the node in `sure_of`.
        batch_size: Images per call.
        allowed: Names of classes or inner nodes that may be answered, or `@FILE`; all by default.

    Returns:
        One dictionary per file: class, score, path in the tree with probabilities, the decision of
        least risk, the deepest node that clears the threshold; or `ok` false and the error.

    Raises:
        ValueError: If there is no such model, or it has no signature `hierarchical_bytes`
            (`decide_bytes` with `allowed`); for unknown names.
    """
    if pathlib.Path(model).suffix == ".onnx":
        return _predict_onnx(model, files, threshold, batch_size, allowed)
    path = newest(model)
    mask = rows.allow_list(allowed, path / "assets" / "tree.json")
    signature = rows.request([], threshold, mask)[1]
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    if signature not in loaded.signatures:
        raise ValueError(
            f"{path} has no signature {signature!r}. It has: "
            f"{', '.join(sorted(loaded.signatures))}. Export it again with keras_haframe.export."
        )
    served, found = loaded.signatures[signature], []
    for batch in rows.batches(list(files), batch_size):
        inputs, _ = rows.request([pathlib.Path(f).read_bytes() for f in batch], threshold, mask)
        outputs = served(**{name: tf.constant(value) for name, value in inputs.items()})
        found += rows.to_rows(batch, {k: _text(v.numpy()) for k, v in outputs.items()})
    return found


def _predict_onnx(
    model: PathLike,
    files: Sequence[pathlib.Path],
    threshold: float,
    batch_size: int,
    allowed: list[str] | None,
) -> list[dict]:
    from keras_haframe.saving.onnx_runner import OnnxRunner

    runner, found = OnnxRunner(model), []
    mask = rows.allow_list(allowed, runner.tree)
    for batch in rows.batches(list(files), batch_size):
        data = [pathlib.Path(f).read_bytes() for f in batch]
        found += rows.to_rows(batch, runner.answers(data, threshold, mask))
    return found


def _text(array: np.ndarray) -> np.ndarray:
    if array.dtype != object:
        return array
    return np.array([v.decode() for v in array.ravel()], dtype=str).reshape(array.shape)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `haframe predict`."""
    parser.add_argument("model", help="a SavedModel, the directory of its versions, or .onnx")
    rows.add_image_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the predictions; 1 if an image could not be read."""
    files = rows.image_files(args.images)
    found = predict_files(args.model, files, args.threshold, args.batch_size, args.allowed)
    print(visible(rows.render(found, args.json), keep=LINES))
    return 0 if all(row["ok"] for row in found) else 1
