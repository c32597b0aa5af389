"""Hierarchy-aware image classification in Keras 3: models whose mistakes are near misses."""

import importlib as _importlib

try:
    import keras as _keras  # noqa: F401
except ModuleNotFoundError as error:  # keras itself, or the backend it wants
    if error.name not in ("keras", "tensorflow", "jax", "torch"):
        raise
    raise ModuleNotFoundError(
        f"keras_haframe needs {error.name}, which is not installed. Install a backend with one of: "
        'pip install "keras_haframe[tensorflow-cpu]", "keras_haframe[gpu]", "keras_haframe[jax]", '
        '"keras_haframe[torch]"; for JAX or PyTorch also set KERAS_BACKEND=jax or torch.',
        name=error.name,
    ) from None

from keras_haframe import collapse, decisions, frames, layers, losses, methods, metrics
from keras_haframe.frames import diagnose
from keras_haframe.models import HierarchicalClassifier, build
from keras_haframe.saving import export
from keras_haframe.tree import ClassTree
from keras_haframe.version import __version__

__all__ = [
    "ClassTree",
    "HierarchicalClassifier",
    "__version__",
    "build",
    "collapse",
    "data",
    "decisions",
    "diagnose",
    "export",
    "frames",
    "layers",
    "losses",
    "methods",
    "metrics",
    "plots",
    "serving",
    "training",
]


def __getattr__(name: str):
    """Rooms that import more than Keras, loaded when first used."""
    if name in ("data", "plots", "serving", "training"):
        return _importlib.import_module(f"keras_haframe.{name}")
    raise AttributeError(f"module 'keras_haframe' has no attribute {name!r}")
