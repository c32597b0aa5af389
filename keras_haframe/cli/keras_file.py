"""What a `.keras` file tells of its model; reads the file, loads no framework."""

from __future__ import annotations

import pathlib
from typing import Any

from keras_haframe.archives import read_json
from keras_haframe.files import PathLike

OF_NETWORK = ("network", "hidden_units", "pooling", "convention", "synchronized", "input_momentum",
              "reduce_init", "input_shape", "trainable", "dtype")  # fmt: skip


def inspect(path: PathLike) -> dict:
    """Describe a saved model of this package.

    Args:
        path: A `.keras` file.

    Returns:
        `path`, `bytes`, `keras` (version), `saved` (date), `name`, `method`, its `options`,
        `backbone`, `network`, `tree` (its sizes), `classes` in label order, and `preprocessing`
        (`None` where the model has none).

    Raises:
        ValueError: If it is no Keras file, or of a model that is not of this package.
    """
    path = pathlib.Path(path)
    saved, metadata = read_json(path, "config.json", "metadata.json")
    config = saved.get("config") if isinstance(saved, dict) else None
    if not isinstance(config, dict) or not {"tree", "method", "backbone"} <= set(config):
        kind = saved.get("class_name") if isinstance(saved, dict) else type(saved).__name__
        raise ValueError(f"{path} holds a {kind}, no model of keras_haframe.build.")
    try:
        return _described(path, config, metadata)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a Keras file of a usual form: {error}") from None


def _described(path: pathlib.Path, config: dict, metadata: dict) -> dict:
    from keras_haframe.tree import as_tree

    tree = as_tree(config["tree"])
    known = {*OF_NETWORK, "tree", "method", "backbone", "name", "preprocessing"}
    return {
        "path": str(path),
        "bytes": path.stat().st_size,
        "keras": metadata.get("keras_version"),
        "saved": metadata.get("date_saved"),
        "name": config.get("name"),
        "method": config["method"],
        "options": {k: v for k, v in config.items() if k not in known},
        "backbone": config["backbone"].get("config", {}).get("name"),
        "network": config.get("network"),
        "tree": {
            "name": tree.name, "classes": tree.num_classes, "nodes": tree.num_nodes,
            "height": tree.height, "root": tree.root,
        },
        "classes": tree.leaves,
        "preprocessing": config.get("preprocessing"),
    }  # fmt: skip


def render(found: dict[str, Any]) -> str:
    """Return the description as text."""
    tree, prepared = found["tree"], found["preprocessing"]
    some = ", ".join(found["classes"][:6]) + (", ..." if tree["classes"] > 6 else "")
    options = ", ".join(f"{k}={v!r}" for k, v in found["options"].items())
    prepared = prepared and ", ".join(f"{k}={v!r}" for k, v in prepared.items())
    return "\n".join(
        [
            f"{found['path']}  ({found['bytes'] / 2**20:.1f} MiB, Keras {found['keras']}, saved "
            f"{found['saved']})",
            f"{found['name']}: {found['method']} on {found['backbone']}, network "
            f"{found['network']}",
            f"tree {tree['name']}: {tree['classes']} classes, {tree['nodes']} nodes, height "
            f"{tree['height']}, root {tree['root']}",
            f"classes: {some}",
            f"options of the method: {options or 'none'}",
            f"preprocessing: {prepared or 'not known: images as they were given to fit'}",
        ]
    )
