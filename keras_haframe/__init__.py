"""Hierarchy-aware image classification in Keras 3: models whose mistakes are near misses."""

from typing import TYPE_CHECKING

from keras_haframe import rooms
from keras_haframe.version import __version__

if TYPE_CHECKING:
    from keras_haframe import (
        cli,
        collapse,
        data,
        decisions,
        evaluation,
        frames,
        layers,
        losses,
        methods,
        metrics,
        models,
        plots,
        results,
        saving,
        serving,
        training,
        tree,
    )  # fmt: skip
    from keras_haframe.decisions.decide import decide
    from keras_haframe.evaluation.evaluate import evaluate
    from keras_haframe.frames import diagnose
    from keras_haframe.models import HierarchicalClassifier, build
    from keras_haframe.saving import export
    from keras_haframe.tree import ClassTree

__all__ = [
    "ClassTree",
    "HierarchicalClassifier",
    "__version__",
    "build",
    "cli",
    "collapse",
    "data",
    "decide",
    "decisions",
    "diagnose",
    "evaluate",
    "evaluation",
    "export",
    "frames",
    "layers",
    "losses",
    "methods",
    "metrics",
    "models",
    "plots",
    "results",
    "saving",
    "serving",
    "training",
    "tree",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = rooms.lazy(
        __name__,
        __all__,
        {
            "ClassTree": "tree",
            "HierarchicalClassifier": "models",
            "build": "models",
            "decide": "decisions",
            "diagnose": "frames",
            "evaluate": "evaluation",
            "export": "saving",
        },
    )

# `keras.models.load_model` finds classes that have been imported, so all are: models bring layers,
# losses and metrics, training the optimizers. But `haframe --help` waits for no framework.
if not rooms.is_command():
    try:
        import keras_haframe.data.on_device
        import keras_haframe.models
        import keras_haframe.training  # noqa: F401
    except ModuleNotFoundError as error:  # keras itself, or the backend it wants
        if error.name not in ("keras", "tensorflow", "jax", "torch"):
            raise
        raise ModuleNotFoundError(
            f"keras_haframe needs {error.name}, which is not installed. Install a backend with one "
            'of: pip install "keras_haframe[tensorflow-cpu]", "keras_haframe[gpu]", '
            '"keras_haframe[jax]", "keras_haframe[torch]"; for JAX or PyTorch also set '
            "KERAS_BACKEND=jax or torch.",
            name=error.name,
        ) from None
