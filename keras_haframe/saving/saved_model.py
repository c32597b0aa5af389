"""A versioned SavedModel, complete for TF Serving."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_haframe import versions
from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.files import PathLike
from keras_haframe.models import HierarchicalClassifier
from keras_haframe.models.backbones import check_one_input
from keras_haframe.saving import (
    decoding,
    facts,
    model_card,
    preparation,
    serving_config,
    signatures,
    warmup,
)


def export(
    model: HierarchicalClassifier,
    directory: PathLike,
    version: int | None = None,
    *,
    preprocessing: Preprocessing | Callable | None = None,
    metrics: dict | None = None,
    training: dict | None = None,
    name: str | None = None,
    max_pixels: int = decoding.MAX_PIXELS,
    max_scans: int = decoding.MAX_SCANS,
    top_k: int = 5,
    warmup_images: ArrayLike | None = None,
) -> pathlib.Path:
    """Write `directory/version`, a SavedModel as TF Serving reads it, and the server's files.

    Signatures, all with named inputs and outputs and a free batch size (details in
    docs/serving.md): `serving_default`, `hierarchical`, `decide` (with an allow-list) and
    `features` take `images`, float32 `[B, H, W, C]`, scaled as in training; `serving_bytes`,
    `hierarchical_bytes`, `decide_bytes` and `features_bytes` take `image_bytes`, JPEG or PNG
    strings `[B]`, and flag those they cannot read in `ok` and `error`; `classify` answers TF
    Serving's Classify with top-k names and scores. The SavedModel needs neither this package, nor
    Keras, nor Python.

    Beside the SavedModel the version holds the tree, the labels and facts as assets in JSON,
    `model_card.md` and warm-up requests; `directory` gets `models.config`,
    `batching_parameters.txt`, `monitoring.config` and `docker_run.sh`, unless they are there.

    Args:
        model: A `HierarchicalClassifier` on the TensorFlow backend.
        directory: Directory of all versions of this model; made if missing.
        version: Version number; the next free one by default.
        preprocessing: How a decoded image becomes the model's input: a `Preprocessing`, or any
            TensorFlow function from uint8 `[h, w, C]` to float `[H, W, C]`. By default the model's
            own (`build(..., preprocessing=...)`); a model without one stretches the image to its
            size (bilinear) and keeps values from 0 to 255.
        metrics: Measured values for the model card, as `keras_haframe.metrics.summary` gives them.
        training: Facts for the model card: data set, hardware, whatever should be known.
        name: Name of the served model; by default the name of `directory`.
        max_pixels: Largest encoded image that is decoded, in pixels.
        max_scans: Most scans of a JPEG that is decoded; each goes over all pixels.
        top_k: Number of classes that `classify` returns.
        warmup_images: uint8 `[n, h, w, C]`, encoded for the warm-up requests; drawn by default.

    Returns:
        Path of the version written. It is written under a temporary name and renamed, so that a
        server that polls the directory never sees half a model.

    Raises:
        ValueError: If the version exists or an argument is out of range, or if the default
            preparation would feed the network other values than `fit` saw.
        RuntimeError: If Keras runs on another backend than TensorFlow.

    Example:

    ```python
    path = keras_haframe.export(
        model,
        "serving/aircraft",
        metrics=keras_haframe.metrics.summary(labels, model.predict(images), tree),
    )
    served = tf.saved_model.load(path).signatures["serving_bytes"]
    served(image_bytes=[open("747.jpg", "rb").read()])["class_name"]
    ```
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "export() writes a TensorFlow SavedModel and needs the TensorFlow backend. Save the "
            "model with model.save('model.keras'), then load and export it in a process with "
            f"KERAS_BACKEND=tensorflow. Received backend: {keras.backend.backend()}"
        )
    check_one_input(model)
    limits = {"max_pixels": max_pixels, "max_scans": max_scans, "top_k": top_k}
    for key, value in limits.items():
        if int(value) < 1:
            raise ValueError(f"`{key}` must be positive. Received: {key}={value}")
    directory = pathlib.Path(directory)
    name = serving_config.check_name(directory.resolve().name if name is None else name)
    directory.mkdir(parents=True, exist_ok=True)
    if version is not None:
        version = versions.check(version)
        versions.check_free(directory, version)
    preprocessing, shape = preparation.complete(preprocessing, model)
    options = signatures.Options(
        preprocessing, shape, **{key: int(value) for key, value in limits.items()}
    )

    with versions.partial(directory) as partial, tempfile.TemporaryDirectory() as folder:
        assets = pathlib.Path(folder)
        model.tree.to_json(assets / "tree.json")
        module, functions = signatures.make(model, options, assets / "tree.json")
        known = facts.collect(model, preprocessing, functions, options, metrics, training)
        _save(module, functions, partial, facts.write(assets, known, model.tree))
        images, encoded = _warmup_images(warmup_images, preprocessing, model)
        warmup.write(partial, warmup.requests(name, functions, images, encoded))
        serving_config.write(directory, name)

        def write_card(number: int) -> None:
            card = model_card.render(known, name, number)
            (partial / "model_card.md").write_text(card, encoding="utf-8")

        return versions.publish(partial, directory, version, write_card)


def _save(module: Any, functions: dict, target: pathlib.Path, assets: list[pathlib.Path]) -> None:
    import tensorflow as tf

    module.assets = [tf.saved_model.Asset(str(file)) for file in assets]
    tf.saved_model.save(module, str(target), signatures=functions)
    signatures.set_classify_method(target)


def _warmup_images(
    images: ArrayLike | None,
    preprocessing: Preprocessing | Callable | None,
    model: HierarchicalClassifier,
) -> tuple[np.ndarray, list[bytes]]:
    """Model inputs and encoded images for the warm-up requests."""
    import numpy as np
    import tensorflow as tf

    shape = model.inputs[0].shape[1:]
    if preprocessing is None:
        return np.zeros((1, *(size or 8 for size in shape)), np.float32), []
    images = warmup.default_images(shape) if images is None else np.asarray(images)
    fitting = images.ndim == 4 and images.size and images.shape[-1] == shape[-1]
    if images.dtype != np.uint8 or not fitting:
        raise ValueError(
            f"`warmup_images` must be uint8 [n, height, width, {shape[-1]}]. "
            f"Received: {images.dtype} {images.shape}"
        )
    encoded = [tf.io.encode_jpeg(image, quality=95).numpy() for image in images]
    prepared = tf.stack([tf.cast(preprocessing(tf.constant(i)), tf.float32) for i in images])
    return prepared.numpy(), encoded
