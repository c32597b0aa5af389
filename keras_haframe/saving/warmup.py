"""Warm-up requests: TF Serving replays them before a version takes traffic."""

from __future__ import annotations

import pathlib

import numpy as np

from keras_haframe.saving.signatures import ENCODED
from keras_haframe.tree_ops.values import Shape

FILE = pathlib.PurePath("assets.extra", "tf_serving_warmup_requests")


def default_images(shape: Shape) -> np.ndarray:
    """Two smooth uint8 pictures `[2, H, W, C]`; `None` in the shape becomes 64."""
    height, width, channels = (size or 64 for size in shape)
    y = np.linspace(0, 1, height)[:, None, None]
    x = np.linspace(0, 1, width)[None, :, None]
    phase = np.arange(channels)[None, None, :]
    waves = [np.sin(6.3 * (x + y) + phase), np.cos(12.6 * (x - y) + phase)]
    return np.stack([(127.5 + 127.5 * wave).astype(np.uint8) for wave in waves])


def requests(name: str, signatures: dict, images: np.ndarray, encoded: list[bytes]) -> list:
    """One real request per signature and batch size 1 and n.

    Args:
        name: Name of the served model.
        signatures: Served functions by name.
        images: float32 `[n, H, W, C]` as the model takes them.
        encoded: n encoded images.

    Returns:
        List of `PredictionLog` messages.
    """
    from keras_haframe.serving.messages import pb
    from keras_haframe.serving.tensors import to_proto

    logs = []
    for signature, function in signatures.items():
        for count in sorted({1, len(images)}):
            log = pb.PredictionLog()
            if signature == "classify":
                request = log.classify_log.request
                for data in encoded[:count]:
                    example = request.input.example_list.examples.add()
                    example.features.feature[ENCODED].bytes_list.value.append(data)
            else:
                values = {
                    "images": images[:count],
                    "image_bytes": encoded[:count],
                    "threshold": np.full(count, 0.5, np.float32),
                    "floor": np.full(count, 0.5, np.float32),
                }
                request = log.predict_log.request
                for spec in function.input_signature:
                    if spec.name == "allowed":
                        values["allowed"] = np.ones((count, spec.shape[1]), bool)
                    request.inputs[spec.name].CopyFrom(to_proto(values[spec.name]))
            request.model_spec.name = name
            request.model_spec.signature_name = signature
            logs.append(log)
    return logs


def write(version_dir: pathlib.Path, logs: list) -> pathlib.Path:
    """Write `PredictionLog` messages to the version's warm-up file; return its path."""
    import tensorflow as tf

    file = version_dir / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for log in logs:
            writer.write(log.SerializeToString(deterministic=True))
    return file
