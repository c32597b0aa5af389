"""ONNX and LiteRT files that carry the class tree."""

from __future__ import annotations

import importlib.util
import pathlib
from collections.abc import Callable
from typing import Any

import keras

from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.files import PathLike, whole
from keras_haframe.models import HierarchicalClassifier
from keras_haframe.models.backbones import check_one_input
from keras_haframe.saving import facts, model_card, networks, preparation, resizing
from keras_haframe.saving.file_facts import append_archive, texts_of
from keras_haframe.saving.signatures import Options

SUFFIX = {"onnx": ".onnx", "litert": ".tflite"}


def export_file(
    model: HierarchicalClassifier,
    path: PathLike,
    format: str = "onnx",
    *,
    text: bool = True,
    prepare: bool = False,
    preprocessing: Preprocessing | Callable | None = None,
    metrics: dict | None = None,
    training: dict | None = None,
) -> pathlib.Path:
    """Write a model as one ONNX or LiteRT file; the tree and the model's facts are in it.

    An ONNX file answers what the SavedModel's signature `decide` does, from any backend, see
    docs/onnx.md. Inputs: `images` float32 `[B, H, W, C]`, scaled as in training; `floor` float32
    `[B]` or `[1]`; `allowed` bool `[B, K]` or `[1, K]`. Outputs: `probabilities`, `features`, and
    those of `decide`, numbers and text. A LiteRT file has the one output `probabilities` (the
    package needs TensorFlow and Keras 3.15.1 to write it).

    `read_facts` reads tree and facts from either file without any framework.

    Args:
        model: A `HierarchicalClassifier`.
        path: File to write; without suffix, `.onnx` or `.tflite` is added.
        format: `"onnx"` (needs onnx, and tf2onnx, jax2onnx or onnxscript, by the backend) or
            `"litert"`.
        text: Whether an ONNX file also has the outputs that are strings, which ONNX Runtime takes
            and OpenVINO does not.
        prepare: Whether an ONNX file takes pictures as they are decoded and prepares them itself:
            `images` then is uint8 `[B, h, w, C]` of any size.
        preprocessing: How a decoded image becomes the model's input, as of `export`; recorded in
            the file. By default the model's own.
        metrics: Measured values for the model card, as `keras_haframe.metrics.summary` gives them.
        training: Facts for the model card.

    Returns:
        The path written.

    Raises:
        ValueError: For another format, or a preparation that does not fit the model, or, with
            `prepare`, that no ONNX graph can do: a function of yours, or an interpolation other
            than bilinear and nearest.
        ModuleNotFoundError: If a package is missing.
        RuntimeError: For LiteRT on another backend or with an older Keras.

    Example:

    ```python
    from keras_haframe.saving import export_file, read_facts

    path = export_file(model, "aircraft")
    inputs = {"images": images, "floor": [0.8], "allowed": np.ones((1, K), bool)}
    session = onnxruntime.InferenceSession(path)
    names, reasons = session.run(["node_name", "reason"], inputs)
    read_facts(path).tree
    ```
    """
    if format not in SUFFIX:
        raise ValueError(f"`format` must be one of {tuple(SUFFIX)}. Received: format={format!r}")
    _check_installed(format)
    check_one_input(model)
    path = pathlib.Path(path)
    path = path if path.suffix == SUFFIX[format] else path.with_name(path.name + SUFFIX[format])
    prepared, shape = preparation.complete(preprocessing, model)
    options = Options(prepared, shape)
    known = facts.collect(model, prepared, {"decide": None}, options, metrics, training)
    inside = None
    if prepare:
        inside = _for_the_graph(prepared, format)
        known["input"] |= {"dtype": "uint8", "range": [0, 255]}
        known["input"]["shape"][1:3] = [None, None]
    card = model_card.render(known, path.stem, 1)
    texts = texts_of(model.tree, known, card)
    network = networks.served_network(model)
    with whole(path) as partial:
        if format == "litert":
            scores = keras.Model(network.inputs, network.outputs[0], name=model.name)
            scores.export(str(partial), format=format, verbose=False)
            append_archive(partial, texts)
        else:
            import onnx

            from keras_haframe.saving import onnx_model

            made = onnx_model.complete(networks.as_onnx(network), model, texts, text, inside)
            onnx.checker.check_model(made, full_check=True)
            onnx.save(made, str(partial))
    return path


def _check_installed(format: str) -> None:
    backend = keras.backend.backend()
    if format == "litert" and backend != "tensorflow":
        raise RuntimeError(
            "A LiteRT file is written on the TensorFlow backend. Save the model with "
            "model.save('model.keras') and export it in a process with KERAS_BACKEND=tensorflow. "
            f"Received backend: {backend}"
        )
    if format == "litert" and keras.__version__.startswith("3.12."):
        raise RuntimeError(
            "Export to litert needs Keras 3.15.1 or newer; pip install -U keras. "
            f"Received: Keras {keras.__version__}"
        )
    needs = networks.NEEDS[backend] if format == "onnx" else ()
    missing = [name for name in needs if importlib.util.find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f"Export to {format} on {backend} needs {' and '.join(missing)}. Install with: "
            f"pip install {' '.join(missing)}",
            name=missing[0],
        )


def _for_the_graph(prepared: Any, format: str) -> Preprocessing:
    if format != "onnx":
        raise ValueError(f"`prepare` must be False for {format}: images are prepared outside.")
    if not isinstance(prepared, Preprocessing):
        raise ValueError(
            "`prepare` needs a Preprocessing: another function is no ONNX graph. "
            f"Received: preprocessing={prepared!r}"
        )
    resizing.check(prepared)
    return prepared
