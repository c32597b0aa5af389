"""A model repository for NVIDIA's Triton server from an exported model."""

from __future__ import annotations

import inspect
import os
import pathlib
import re
import shutil
from collections.abc import Iterator

from keras_haframe import versions
from keras_haframe.files import PathLike, whole
from keras_haframe.saving import triton_model, triton_onnx, triton_saved_model
from keras_haframe.saving.serving_config import BATCH_SIZES, check_name

# Number of a data type in a SavedModel, or in an ONNX file: name in Triton's configuration.
TENSORFLOW = {1: "FP32", 2: "FP64", 3: "INT32", 4: "UINT8", 7: "STRING", 9: "INT64", 10: "BOOL"}
ONNX = {1: "FP32", 2: "UINT8", 6: "INT32", 7: "INT64", 8: "STRING", 9: "BOOL", 11: "FP64"}


def write_triton_repository(
    model: PathLike, repository: PathLike, name: str | None = None, version: int | None = None
) -> pathlib.Path:
    """Write `repository/name/version`, a model for Triton's Python backend.

    The folder holds a copy of the model and the code that runs it; beside it stands
    `config.pbtxt`, unless it is there: it may have been tuned. One model answers every signature
    but `classify`; a request names its signature in the parameter `signature`, as
    `KServeClient.predict` does, or is answered by the first that takes its inputs. An ONNX file
    has the signatures that take `images`. The server's Python needs TensorFlow for a SavedModel
    and ONNX Runtime for an ONNX file; here neither is needed (for an ONNX file, the package onnx).

    Args:
        model: A SavedModel written by `keras_haframe.export`, or the directory of its versions,
            of which the newest is taken; or an `.onnx` file written by `export_file`.
        repository: Triton's model repository; made if missing.
        name: Name of the served model; by default the name of the directory of versions, or of
            the file.
        version: Version number in the repository; by default that of the SavedModel, 1 for a file.

    Returns:
        The folder of the version. It is written under a temporary name and renamed, so that a
        server that polls the repository never sees half a model.

    Raises:
        ValueError: If there is no such model, the version exists, or the model is not one that
            this package wrote.

    Example:

    ```python
    from keras_haframe.saving import write_triton_repository

    kh.export(model, "serving/aircraft")
    write_triton_repository("serving/aircraft", "triton")
    ```
    """
    source = pathlib.Path(model)
    is_file = source.suffix == ".onnx"
    if not is_file:
        source = versions.newest(model).resolve()
    own_name, own_version = (source.stem, "1") if is_file else (source.parent.name, source.name)
    name = check_name(own_name if name is None else name)
    number = _number(own_version if version is None else version)
    target = pathlib.Path(repository) / name / str(number)
    if target.exists():
        raise _taken(target)
    text = config(source, name)
    runner = triton_onnx if is_file else triton_saved_model
    with versions.partial(target.parent) as partial:
        for code, module in (("model.py", triton_model), ("runner.py", runner)):
            (partial / code).write_text(inspect.getsource(module), encoding="utf-8")
        if is_file:
            shutil.copyfile(source, partial / "model.onnx")
        else:
            shutil.copytree(source, partial / "model.savedmodel")
        if not (target.parent / "config.pbtxt").exists():
            with whole(target.parent / "config.pbtxt") as file:
                file.write_text(text, encoding="utf-8")
        try:
            os.rename(partial, target)
        except OSError:
            if target.exists():  # another was faster
                raise _taken(target) from None
            raise
    return target


def config(model: PathLike, name: str, max_batch_size: int = BATCH_SIZES[-1]) -> str:
    """Text of `config.pbtxt`: inputs and outputs of all signatures, dynamic batching.

    Args:
        model: Folder of the SavedModel, or an ONNX file.
        name: Name of the served model.
        max_batch_size: Most rows of a request, and of requests that are joined.

    Raises:
        ValueError: If two signatures contradict each other, or a name does not fit the file.
    """
    path = pathlib.Path(model)
    found: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for is_output, key, dtype, dims in _onnx(path) if path.is_file() else _saved_model(path):
        entry = _entry(key, dtype, dims)
        if found[is_output].setdefault(key, entry) != entry:
            raise ValueError(f"Signatures of {path} differ in {key!r}.")
    inputs = ",\n".join(f"  {{ {entry} optional: true }}" for entry in found[0].values())
    outputs = ",\n".join(f"  {{ {entry} }}" for entry in found[1].values())
    return f"""name: "{check_name(name)}"
backend: "python"
max_batch_size: {int(max_batch_size)}
input [
{inputs}
]
output [
{outputs}
]
dynamic_batching {{ max_queue_delay_microseconds: 2000 }}
instance_group [ {{ count: 1 kind: KIND_MODEL }} ]
"""


def _saved_model(path: pathlib.Path) -> Iterator[tuple[bool, str, str | None, list[int]]]:
    """Give whether it is an output, name, type and sizes of every tensor of the signatures."""
    from keras_haframe.serving.messages import pb

    data = (path / "saved_model.pb").read_bytes()
    signatures = pb.SavedModel.FromString(data).meta_graphs[0].signature_def
    for key, definition in sorted(signatures.items()):
        # tf.Example is TF Serving's; the other is the loader's own.
        if key == "__saved_model_init_op" or definition.method_name.endswith("classify"):
            continue
        for at, tensors in enumerate((definition.inputs, definition.outputs)):
            for name, info in sorted(tensors.items()):
                dims = [int(d.size) for d in info.tensor_shape.dim]
                yield bool(at), name, TENSORFLOW.get(info.dtype), dims


def _onnx(path: pathlib.Path) -> Iterator[tuple[bool, str, str | None, list[int]]]:
    """Give the same of an ONNX file; `floor` is called `threshold` in another signature."""
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    for at, values in enumerate((graph.input, graph.output)):
        for value in values:
            tensor = value.type.tensor_type
            dims = [d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim]
            for name in ("floor", "threshold") if value.name == "floor" else (value.name,):
                yield bool(at), name, ONNX.get(tensor.elem_type), dims


def _entry(name: str, dtype: str | None, dims: list[int]) -> str:
    """Describe an input or output without its batch dimension, which Triton adds."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise ValueError(f"Tensor names must be letters, digits, '_', '.', '-'. Received: {name!r}")
    if dtype is None or not dims or dims[0] != -1:
        raise ValueError(f"Triton takes tensors [batch, ...] of numbers or text, not {name!r}.")
    # Triton has no rows without dimensions outside; [1] outside is none inside.
    shape = f"dims: {dims[1:]}" if dims[1:] else "dims: [ 1 ] reshape { shape: [ ] }"
    return f'name: "{name}" data_type: TYPE_{dtype} {shape}'


def _taken(target: pathlib.Path) -> ValueError:
    return ValueError(f"{target} exists already. Give another `version`.")


def _number(version: int | str) -> int:
    text = str(version)
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError(f"`version` must be a number from 1. Received: version={version!r}")
    return int(text)
