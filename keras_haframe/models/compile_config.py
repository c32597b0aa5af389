"""What a model was compiled with, without the tree, which its configuration holds already."""

from __future__ import annotations

from typing import Any

import keras

from keras_haframe.tree import ClassTree


@keras.saving.register_keras_serializable(package="keras_haframe")
class CompileConfig:
    """A compile configuration whose `"tree"` entries of `None` are the model's tree."""

    def __init__(self, config: dict) -> None:
        self.config = config

    def get_config(self) -> dict[str, Any]:
        """Return the configuration."""
        return self.config

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """Refuse: only `HierarchicalClassifier.compile_from_config` can read it."""
        raise ValueError(
            "`clone_model` makes a plain Keras model, which has neither tree nor method. Copy a "
            "HierarchicalClassifier with `copy = type(model).from_config(model.get_config())`, and "
            "its weights with `copy.set_weights(model.get_weights())`."
        )


def without_tree(config: dict, tree: ClassTree) -> dict[str, Any]:
    """Wrap a compile configuration in which the model's tree is left out.

    Args:
        config: As `keras.Model.get_compile_config` returns it.
        tree: The model's tree.
    """
    short = CompileConfig(_replaced(config, tree.get_config(), None))
    return keras.saving.serialize_keras_object(short)


def with_tree(config: dict, tree: ClassTree) -> dict[str, Any]:
    """Return the configuration that `without_tree` took, its trees this one; an older one as it is.

    Losses and metrics share the model's tree: making it anew for each of them took two thirds of
    the time of loading a model of 300,000 classes.
    """
    if config.get("class_name") != "CompileConfig":
        return config
    return _replaced(config["config"], None, tree)


def metric_names(config: Any) -> list[str]:
    """Names in logs of the metrics of a compile configuration."""
    if isinstance(config, str):
        return [config]
    if isinstance(config, dict):
        if "class_name" in config:
            return [config["config"]["name"]] if "name" in (config.get("config") or {}) else []
        config = list(config.values())
    return [name for each in config or [] for name in metric_names(each)]


def _replaced(value: Any, old: Any, new: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_replaced(v, old, new) for v in value]
    if not isinstance(value, dict):
        return value
    return {
        k: new if k == "tree" and v == old else _replaced(v, old, new) for k, v in value.items()
    }
