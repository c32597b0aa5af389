"""A versioned SavedModel with named outputs that plain TensorFlow loads."""

from __future__ import annotations

import os
import pathlib
import shutil

import keras


def _next_version(directory: pathlib.Path) -> int:
    taken = [int(p.name) for p in directory.iterdir() if p.name.isdigit()]
    return max(taken, default=0) + 1


def export(model, directory, version: int | None = None) -> pathlib.Path:
    """Write a SavedModel to `directory/version`, as TF Serving reads it.

    The signature `serving_default` takes `images` (float32 `[B, H, W, C]`, scaled as in training)
    and returns `probabilities` float32 `[B, K]`, `class_id` int32 `[B]`, `class_name` string `[B]`
    and `score` float32 `[B]`, the probability of that class. The SavedModel needs neither this
    package nor Keras.

    Args:
        model: A `HierarchicalClassifier` on the TensorFlow backend.
        directory: Directory of all versions of this model; made if missing.
        version: Version number; the next free one by default.

    Returns:
        Path of the version written. It is written under a temporary name and renamed, so that a
        server that polls the directory never sees half a model.

    Raises:
        ValueError: If the version exists.
        RuntimeError: If Keras runs on another backend than TensorFlow.

    Example:

    ```python
    path = keras_haframe.export(model, "serving/aircraft")
    served = tf.saved_model.load(path).signatures["serving_default"]
    served(images=images)["class_name"]
    ```
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "export() writes a TensorFlow SavedModel and needs the TensorFlow backend. Save the "
            "model with model.save('model.keras'), then load and export it in a process with "
            f"KERAS_BACKEND=tensorflow. Received backend: {keras.backend.backend()}"
        )
    import tensorflow as tf

    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    version = _next_version(directory) if version is None else int(version)
    target = directory / str(version)
    if target.exists():
        raise ValueError(
            f"{target} exists already. Leave out `version` to take the next free number "
            f"({_next_version(directory)})."
        )
    image = model.inputs[0]
    names = tf.constant(model.tree.leaves)

    @tf.function(
        input_signature=[tf.TensorSpec((None, *image.shape[1:]), tf.float32, name="images")]
    )
    def serve(images):
        outputs = model(tf.cast(images, image.dtype), training=False)
        probabilities = tf.nn.softmax(tf.cast(model.method.scores(outputs), tf.float32))
        best = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
        return {
            "probabilities": probabilities,
            "class_id": best,
            "class_name": tf.gather(names, best),
            "score": tf.reduce_max(probabilities, axis=-1),
        }

    module = tf.Module()
    # Holding the bare variables, not the Keras model, keeps the weights from being stored twice.
    module.model_variables = [v.value for v in model.variables]
    module.class_names = names
    partial = directory / f".{version}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    tf.saved_model.save(module, str(partial), signatures={"serving_default": serve})
    os.replace(partial, target)
    return target
