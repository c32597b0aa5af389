"""Answers of an ONNX file to image files, with ONNX Runtime, Pillow and NumPy alone."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_haframe.files import PathLike
from keras_haframe.saving import host_images
from keras_haframe.saving.file_facts import read_facts

NUMBERS = (
    "class_id", "score", "path_id", "path_probabilities", "decision_id", "decision_distance",
    "node_id", "node_probability", "listed_id", "listed_probability",
)  # fmt: skip


class OnnxRunner:
    """A file that `export_file` wrote, ready to answer.

    Args:
        path: The `.onnx` file.

    Attributes:
        tree: Its class tree.

    Raises:
        ValueError: If the file is damaged or no such model; the message names it.
        ModuleNotFoundError: If onnxruntime is not installed.

    Example:

    ```python
    runner = OnnxRunner("aircraft.onnx")
    runner.answers([open("747.jpg", "rb").read()], floor=0.8)["node_name"]
    ```
    """

    def __init__(self, path: PathLike) -> None:
        self.path = pathlib.Path(path)
        found = read_facts(self.path)
        self.tree, self.preparation = found.tree, found.facts.get("preprocessing")
        try:
            import onnxruntime
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "ONNX files are run by onnxruntime. Install it with: pip install onnxruntime",
                name="onnxruntime",
            ) from None
        try:
            self.session: Any = onnxruntime.InferenceSession(
                str(self.path), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own, of many kinds
            raise ValueError(f"{self.path} cannot be loaded: {_first_line(error)}") from None
        inputs = {i.name: i for i in self.session.get_inputs()}
        outputs = {o.name: o.shape for o in self.session.get_outputs()}
        lacking = {"images", "floor", "allowed"} ^ set(inputs) | set(NUMBERS) - set(outputs)
        if lacking or outputs.get("probabilities", [0])[-1] != self.tree.num_classes:
            raise ValueError(
                f"{self.path} is no model of keras_haframe.saving.export_file: its inputs and "
                f"outputs do not fit its tree. Received: {', '.join([*inputs, *outputs])}"
            )
        self.text = "reason" in outputs
        self.decoded = inputs["images"].type == "tensor(uint8)"
        self.shape = inputs["images"].shape[1:]
        if len(self.shape) != 3 or self.shape[-1] not in (1, 3):
            raise ValueError(f"{self.path} takes no images. Received: {inputs['images'].shape}")

    def answers(
        self, data: Sequence[bytes], floor: float, allowed: np.ndarray | None = None
    ) -> dict[str, Any]:
        """Answer encoded images as the SavedModel's `decide_bytes` does.

        Args:
            data: Contents of JPEG or PNG files.
            floor: Least probability of the answered node.
            allowed: bool `[1, K]`; all by default.

        Returns:
            Outputs by name, and `ok` and `error`; rows that are not ok hold nothing of use. Where
            none is, there are `ok` and `error` only.
        """
        pictures, errors = [], []
        for content in data:
            try:
                pictures.append(host_images.decode(content, self.shape[-1]))
                errors.append("")
            except ValueError as error:
                errors.append(str(error))
        ok = np.array([not error for error in errors])
        found: dict[str, Any] = {"ok": ok, "error": np.array(errors, object)}
        parts = [self._run(batch, floor, allowed) for batch in self._batches(pictures)]
        place = np.maximum(np.cumsum(ok) - 1, 0)
        for name in parts[0] if parts else ():
            found[name] = np.concatenate([part[name] for part in parts])[place]
        return found

    def _batches(self, pictures: list[np.ndarray]) -> list[np.ndarray]:
        """Pictures as the graph takes them: decoded ones, of any size, each alone."""
        if self.decoded or not pictures:
            return [picture[None] for picture in pictures]
        try:
            how: Any = self.preparation
            if list(how["size"]) != list(self.shape[:2]):
                raise ValueError(f"pictures of size {how['size']} for inputs {self.shape}")
            return [np.stack([host_images.prepare(picture, how) for picture in pictures])]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"{self.path} does not say how to prepare pictures with NumPy: {error!r}. Write it "
                "with export_file(..., prepare=True), or with a Preprocessing of bilinear or "
                "nearest interpolation."
            ) from None

    def _run(self, images: np.ndarray, floor: float, allowed: np.ndarray | None) -> dict[str, Any]:
        names = [*NUMBERS, "reason"] if self.text else [*NUMBERS]
        allowed = np.ones((1, self.tree.num_classes), bool) if allowed is None else allowed
        inputs = {"images": images, "floor": np.array([floor], np.float32), "allowed": allowed}
        nodes, leaves = (np.array(v, object) for v in ([*self.tree.nodes, ""], self.tree.leaves))
        try:
            found = dict(zip(names, self.session.run(names, inputs)))
            found["class_name"] = leaves[found["class_id"]]
            found["path"] = nodes[found["path_id"]]  # -1, beyond the class, is the last
            found["decision_name"] = leaves[found["decision_id"]]
            found["node_name"] = nodes[found["node_id"]]
        except Exception as error:  # ONNX Runtime's own; numbers that are no nodes of the tree
            raise ValueError(f"{self.path} cannot be run: {_first_line(error)}") from None
        return found if self.text else {**found, "reason": self._reasons(found, floor)}

    def _reasons(self, found: dict[str, Any], floor: float) -> np.ndarray:
        from keras_haframe.decisions.answers import reasons

        every = np.ones(len(found["node_id"]), np.float32)
        words = reasons(
            self.tree, found["node_id"], found["class_id"], found["listed_id"],
            found["listed_probability"], every * np.float32(floor), every > 0,
        )  # fmt: skip
        return np.array(words, object)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
