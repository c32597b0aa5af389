"""Reads PyTorch state files without PyTorch and without pickle: `.npz` and `.safetensors`."""

from __future__ import annotations

import os
import pathlib

import numpy as np

from keras_haframe.archives import read_npz


def read_torch_state(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read the arrays of a PyTorch state dictionary by name.

    A `.pth` file is a pickle, which may run any code when opened, so it is not read. Convert one
    that you trust, where PyTorch is installed:

    ```python
    state = torch.load("resnet50.pth", map_location="cpu", weights_only=True)
    np.savez("resnet50.npz", **{name: value.numpy() for name, value in state.items()})
    ```

    Args:
        path: A `.npz` file, or a `.safetensors` file as of the Hugging Face hub (which the package
            `safetensors` reads).

    Returns:
        Dictionary of NumPy arrays; bfloat16 becomes float32.

    Raises:
        ValueError: For another kind of file or a damaged one.
        ModuleNotFoundError: For `.safetensors` where that package is not installed.

    Example:

    >>> np.savez("state.npz", **{"conv1.weight": np.ones((4, 3, 7, 7))})
    >>> read_torch_state("state.npz")["conv1.weight"].shape
    (4, 3, 7, 7)
    """
    path = pathlib.Path(path)
    if path.suffix == ".npz":
        return read_npz(path, numbers=True)
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    raise ValueError(
        "Weights are read from .npz or .safetensors files; a .pth file is a pickle that may run "
        f"any code (help(read_torch_state) shows how to convert one). Received: {path}"
    )


def _read_safetensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    import ml_dtypes  # noqa: F401 (teaches NumPy bfloat16)

    try:
        import safetensors.numpy
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "Reading .safetensors files needs the package safetensors. Install it with: "
            'pip install "keras_haframe[safetensors]"',
            name="safetensors",
        ) from None
    try:
        arrays = safetensors.numpy.load_file(path)
    except OSError:
        raise
    except Exception as error:  # its own, and what NumPy makes of its headers
        raise ValueError(f"{path} is no .safetensors file, or damaged: {error}") from None
    return {k: v.astype("float32") if v.dtype.name == "bfloat16" else v for k, v in arrays.items()}
