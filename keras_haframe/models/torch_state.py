"""Reads PyTorch state files without PyTorch and without pickle: `.npz` and `.safetensors`."""

from __future__ import annotations

import json
import os
import pathlib
import zipfile

import numpy as np

# What the safetensors format calls the types; bfloat16 has no NumPy type.
TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip


def read_torch_state(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read the arrays of a PyTorch state dictionary by name.

    A `.pth` file is a pickle, which may run any code when opened, so it is not read. Convert one
    that you trust, where PyTorch is installed:

    ```python
    state = torch.load("resnet50.pth", map_location="cpu", weights_only=True)
    np.savez("resnet50.npz", **{name: value.numpy() for name, value in state.items()})
    ```

    Args:
        path: A `.npz` file, or a `.safetensors` file as of the Hugging Face hub.

    Returns:
        Dictionary of NumPy arrays; bfloat16 becomes float32.

    Raises:
        ValueError: For another kind of file or a damaged one.

    Example:

    >>> np.savez("state.npz", **{"conv1.weight": np.ones((4, 3, 7, 7))})
    >>> read_torch_state("state.npz")["conv1.weight"].shape
    (4, 3, 7, 7)
    """
    path = pathlib.Path(path)
    if path.suffix == ".npz":
        try:
            with np.load(path, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except (ValueError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} is not a .npz file of plain arrays: {error}") from None
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    raise ValueError(
        "Weights are read from .npz or .safetensors files; a .pth file is a pickle that may run "
        f"any code (help(read_torch_state) shows how to convert one). Received: {path}"
    )


def _read_safetensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Eight bytes with the header's length, a JSON header, then the arrays one after another."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + size])
        entries = [(name, e) for name, e in header.items() if name != "__metadata__"]
        described = [(n, e["dtype"], tuple(e["shape"]), *e["data_offsets"]) for n, e in entries]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"{path} is not a .safetensors file: its header is damaged.") from None
    arrays = {}
    for name, kind, shape, start, stop in described:
        if kind not in TYPES:
            raise ValueError(f"{path}: {name!r} has type {kind}. Known: {', '.join(TYPES)}.")
        dtype, data = np.dtype(TYPES[kind]), content[8 + size + start : 8 + size + stop]
        if len(data) != stop - start or len(data) != dtype.itemsize * int(np.prod(shape)):
            raise ValueError(
                f"{path} is damaged or cut short: {name!r} of shape {shape} and type {kind} needs "
                f"{dtype.itemsize * int(np.prod(shape))} bytes, {len(data)} are there."
            )
        array = np.frombuffer(data, dtype).reshape(shape)
        if kind == "BF16":  # the upper half of a float32
            array = (array.astype(np.uint32) << 16).view(np.float32)
        arrays[name] = array
    return arrays
