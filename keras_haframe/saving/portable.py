"""ONNX and LiteRT files with class probabilities, by Keras's own exporters."""

from __future__ import annotations

import importlib.util
import pathlib
from typing import Any

import keras

from keras_haframe.files import PathLike
from keras_haframe.methods import Method
from keras_haframe.models import HierarchicalClassifier
from keras_haframe.models.backbones import check_one_input
from keras_haframe.tree_ops.values import Tensor

NEEDS = {"onnx": ("onnx", "tf2onnx"), "litert": ()}
SUFFIX = {"onnx": ".onnx", "litert": ".tflite"}


def export_file(model: HierarchicalClassifier, path: PathLike, format: str) -> pathlib.Path:
    """Write a model of class probabilities as one ONNX or LiteRT file.

    Input `images`, float32 `[B, H, W, C]`, scaled as in training; one output, the
    `probabilities` `[B, K]` of `serving_default`. Names, paths and decisions are up to the
    reader of the file; `export` writes them into a SavedModel.

    Args:
        model: A `HierarchicalClassifier` on the TensorFlow backend.
        path: File to write; without suffix, `.onnx` or `.tflite` is added.
        format: `"onnx"` (needs the packages onnx and tf2onnx) or `"litert"` (needs Keras 3.15).

    Returns:
        The path written.

    Raises:
        ValueError: For another format.
        ModuleNotFoundError: If a package is missing.
        RuntimeError: On another backend, or for LiteRT with an older Keras.

    Example:

    ```python
    from keras_haframe.saving import export_file

    path = export_file(model, "aircraft", "onnx")
    onnxruntime.InferenceSession(path).run(None, {"images": images})[0]  # [B, K]
    ```
    """
    if format not in NEEDS:
        raise ValueError(f"`format` must be one of {tuple(NEEDS)}. Received: format={format!r}")
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "export_file() needs the TensorFlow backend. Save the model with "
            "model.save('model.keras') and export it in a process with KERAS_BACKEND=tensorflow. "
            f"Received backend: {keras.backend.backend()}"
        )
    if format == "litert" and keras.__version__.startswith("3.12."):
        raise RuntimeError(
            "Export to litert needs Keras 3.15.1 or newer; pip install -U keras. "
            f"Received: Keras {keras.__version__}"
        )
    missing = [name for name in NEEDS[format] if importlib.util.find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f"Export to {format} needs {' and '.join(missing)}. Install with: "
            f"pip install {' '.join(missing)}",
            name=missing[0],
        )
    path = pathlib.Path(path)
    path = path if path.suffix == SUFFIX[format] else path.with_name(path.name + SUFFIX[format])
    path.parent.mkdir(parents=True, exist_ok=True)
    check_one_input(model)
    image = model.inputs[0]
    images = keras.Input(image.shape[1:], dtype=image.dtype, name="images")
    outputs = _Probabilities(model.method, name="probabilities")(model(images, training=False))
    portable = keras.Model(images, outputs, name=model.name)
    # The ONNX exporter asks for a model that was called with an array before.
    portable(keras.ops.zeros((1, *(size or 64 for size in image.shape[1:])), image.dtype))
    portable.export(str(path), format=format, verbose=False)
    if format == "onnx":
        _name_output(path, "probabilities")
    return path


def _name_output(path: pathlib.Path, name: str) -> None:
    """Give the one output of an ONNX file a name; the exporter calls it "Identity:0"."""
    import onnx

    model = onnx.load(str(path))
    (output,) = model.graph.output
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [name if n == output.name else n for n in names]
    output.name = name
    onnx.save(model, str(path))


class _Probabilities(keras.layers.Layer):
    """Class probabilities from a method's outputs; a layer, so that any method's code traces."""

    def __init__(self, method: Method, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.method = method

    def call(self, outputs: dict[str, Tensor]) -> Tensor:
        scores = keras.ops.cast(self.method.scores(outputs), "float32")
        return keras.ops.softmax(scores, axis=-1)
