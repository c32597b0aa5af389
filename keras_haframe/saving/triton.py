"""A model repository for NVIDIA's Triton server from an exported SavedModel."""

from __future__ import annotations

import inspect
import os
import pathlib
import re
import shutil
import uuid
from typing import Any

from keras_haframe.files import PathLike, whole
from keras_haframe.saving import triton_backend
from keras_haframe.saving.serving_config import BATCH_SIZES, check_name

# Data type number of TensorFlow: name in Triton's configuration.
TYPES = {1: "TYPE_FP32", 2: "TYPE_FP64", 3: "TYPE_INT32", 4: "TYPE_UINT8", 7: "TYPE_STRING",
         9: "TYPE_INT64", 10: "TYPE_BOOL"}  # fmt: skip


def write_triton_repository(
    model: PathLike, repository: PathLike, name: str | None = None, version: int | None = None
) -> pathlib.Path:
    """Write `repository/name/version`, a model for Triton's Python backend.

    The folder holds a copy of the SavedModel and `model.py`, which runs it; beside it stands
    `config.pbtxt`, unless it is there: it may have been tuned. One model answers every signature
    but `classify`; a request names its signature in the parameter `signature`, as
    `KServeClient.predict` does, or is answered by the first that takes its inputs. TensorFlow is
    needed by the server's Python and not here.

    Args:
        model: A SavedModel written by `keras_haframe.export`, or the directory of its versions,
            of which the newest is taken.
        repository: Triton's model repository; made if missing.
        name: Name of the served model; by default the name of the directory of versions.
        version: Version number in the repository; by default that of the SavedModel.

    Returns:
        The folder of the version. It is written under a temporary name and renamed, so that a
        server that polls the repository never sees half a model.

    Raises:
        ValueError: If there is no such model, the version exists, or the model is not one that
            `export` wrote.

    Example:

    ```python
    from keras_haframe.saving import write_triton_repository

    kh.export(model, "serving/aircraft")
    write_triton_repository("serving/aircraft", "triton")
    ```
    """
    from keras_haframe.cli.predict import newest_version

    saved = newest_version(model).resolve()
    name = check_name(saved.parent.name if name is None else name)
    number = _number(saved.name if version is None else version)
    target = pathlib.Path(repository) / name / str(number)
    if target.exists():
        raise ValueError(f"{target} exists already. Give another `version`.")
    text = config(saved, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        shutil.copytree(saved, partial / "model.savedmodel")
        (partial / "model.py").write_text(inspect.getsource(triton_backend), encoding="utf-8")
        if not (target.parent / "config.pbtxt").exists():
            with whole(target.parent / "config.pbtxt") as file:
                file.write_text(text, encoding="utf-8")
        os.rename(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def config(saved_model: PathLike, name: str, max_batch_size: int = BATCH_SIZES[-1]) -> str:
    """Text of `config.pbtxt`: inputs and outputs of all signatures, dynamic batching.

    Args:
        saved_model: Folder of the SavedModel.
        name: Name of the served model.
        max_batch_size: Most rows of a request, and of requests that are joined.

    Raises:
        ValueError: If two signatures contradict each other, or a name does not fit the file.
    """
    from keras_haframe.serving.messages import pb

    data = (pathlib.Path(saved_model) / "saved_model.pb").read_bytes()
    signatures = pb.SavedModel.FromString(data).meta_graphs[0].signature_def
    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}
    for key, definition in sorted(signatures.items()):
        # tf.Example is TF Serving's; the other is the loader's own.
        if key == "__saved_model_init_op" or definition.method_name.endswith("classify"):
            continue
        for tensors, found in ((definition.inputs, inputs), (definition.outputs, outputs)):
            for tensor, info in sorted(tensors.items()):
                entry = _entry(tensor, info)
                if found.setdefault(tensor, entry) != entry:
                    raise ValueError(f"Signatures of {saved_model} differ in {tensor!r}.")
    asked = ",\n".join(f"  {{ {entry} optional: true }}" for entry in inputs.values())
    given = ",\n".join(f"  {{ {entry} }}" for entry in outputs.values())
    return f"""name: "{check_name(name)}"
backend: "python"
max_batch_size: {int(max_batch_size)}
input [
{asked}
]
output [
{given}
]
dynamic_batching {{ max_queue_delay_microseconds: 2000 }}
instance_group [ {{ count: 1 kind: KIND_MODEL }} ]
"""


def _entry(name: str, info: Any) -> str:
    """Describe an input or output without its batch dimension, which Triton adds."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise ValueError(f"Tensor names must be letters, digits, '_', '.', '-'. Received: {name!r}")
    dims = [int(d.size) for d in info.tensor_shape.dim]
    if info.dtype not in TYPES or info.tensor_shape.unknown_rank or not dims or dims[0] != -1:
        raise ValueError(f"Triton takes tensors [batch, ...] of numbers or text, not {name!r}.")
    # Triton has no rows without dimensions outside; [1] outside is none inside.
    shape = f"dims: {dims[1:]}" if dims[1:] else "dims: [ 1 ] reshape { shape: [ ] }"
    return f'name: "{name}" data_type: {TYPES[info.dtype]} {shape}'


def _number(version: int | str) -> int:
    text = str(version)
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError(f"`version` must be a number from 1. Received: version={version!r}")
    return int(text)
