"""What an ONNX or LiteRT file says of itself: the tree and the model's facts, as JSON inside.

Read without ONNX, TensorFlow or Keras, and without trusting the file.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import zipfile
from typing import Any

from keras_haframe.files import PathLike
from keras_haframe.saving.onnx_messages import read_onnx
from keras_haframe.tree import ClassTree

PREFIX = "keras_haframe."
LARGEST = 2**28  # bytes of text in a LiteRT file's archive


@dataclasses.dataclass(frozen=True, eq=False)
class FileFacts:
    """Tree and facts of a model file.

    Attributes:
        tree: The class tree; columns of `probabilities` are `tree.leaves`, node numbers
            `tree.nodes`.
        facts: As in the SavedModel's `assets/model.json`.
        card: The model card, Markdown.
    """

    tree: ClassTree
    facts: dict[str, Any]
    card: str


def texts_of(tree: ClassTree, facts: dict[str, Any], card: str) -> dict[str, str]:
    """Texts that are put into a file, by key."""

    def dump(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    return {
        f"{PREFIX}tree.json": dump(tree.get_config()),
        f"{PREFIX}labels.json": dump({"classes": tree.leaves, "nodes": tree.nodes}),
        f"{PREFIX}model.json": dump(facts),
        f"{PREFIX}model_card.md": card,
    }


def append_archive(path: pathlib.Path, texts: dict[str, str]) -> None:
    """Append texts to a LiteRT file as a ZIP archive, as LiteRT's metadata does it."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for key, text in texts.items():
            archive.writestr(key.removeprefix(PREFIX), text)


def read_facts(path: PathLike) -> FileFacts:
    """Read the class tree and the facts from a file that `export_file` wrote.

    Needs no framework and runs nothing of the file.

    Args:
        path: An `.onnx` or `.tflite` file.

    Returns:
        `FileFacts`.

    Raises:
        ValueError: If the file is no such model, is damaged, or wants files beside it; the message
            names the file.

    Example:

    ```python
    from keras_haframe.saving import read_facts

    found = read_facts("aircraft.onnx")
    found.tree.leaves[0], found.facts["preprocessing"]
    ```
    """
    path = pathlib.Path(path)
    if path.suffix == ".tflite":
        texts = _archived(path)
    else:
        texts = {k.removeprefix(PREFIX): v for k, v in read_onnx(path).items()}
    try:
        tree = ClassTree.from_config(json.loads(texts["tree.json"]))
        labels, facts = json.loads(texts["labels.json"]), json.loads(texts["model.json"])
        if labels != {"classes": tree.leaves, "nodes": tree.nodes}:
            raise ValueError("labels.json does not fit tree.json")
        if not isinstance(facts, dict):
            raise ValueError("model.json holds no object")
        return FileFacts(tree, facts, texts["model_card.md"])
    except KeyError as error:
        raise ValueError(
            f"{path} holds no {error} of keras_haframe. Write it with "
            "keras_haframe.saving.export_file."
        ) from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} holds damaged facts: {error}") from None


def _archived(path: pathlib.Path) -> dict[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > LARGEST:
                raise ValueError(f"more than {LARGEST:,} bytes of text")
            return {i.filename: archive.read(i).decode() for i in archive.infolist()}
    except FileNotFoundError:
        raise ValueError(f"No such file: {path}") from None
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path} holds no facts of keras_haframe: {error}") from None
