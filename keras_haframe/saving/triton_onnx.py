"""How Triton's `model.py` runs an ONNX file; copied into the repository as `runner.py`."""

from __future__ import annotations

import pathlib

import numpy as np

TYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}
SCORES = {"probabilities", "class_id", "class_name", "score"}


class Runner:
    """An ONNX file of `export_file`, under the signatures of the SavedModel that take images.

    Attributes:
        inputs: Names of the inputs by signature.
        outputs: Sizes of every output without the batch, -1 where any is possible.
    """

    def __init__(self, folder: pathlib.Path):
        import onnxruntime

        self.session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), providers=onnxruntime.get_available_providers()
        )
        given = {i.name: i for i in self.session.get_inputs()}
        self.image, self.decides = given["images"], "floor" in given
        self.outputs = {
            o.name: [side if isinstance(side, int) else -1 for side in o.shape[1:]]
            for o in self.session.get_outputs()
        }
        decided = set(self.outputs) - {"probabilities", "features"}
        self.inputs, self.wanted = {"serving_default": {"images"}}, {"serving_default": SCORES}
        if self.decides:
            self.classes = given["allowed"].shape[1]
            self.inputs["hierarchical"] = {"images", "threshold"}
            self.inputs["decide"] = {"images", "floor", "allowed"}
            self.wanted |= {"hierarchical": decided, "decide": decided}
        if "features" in self.outputs:
            self.inputs["features"], self.wanted["features"] = {"images"}, {"features"}

    def run(self, name: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs of a signature."""
        given = {"images": inputs["images"]}
        if self.decides:
            floor = inputs.get("threshold", inputs.get("floor"))
            given["floor"] = np.zeros(1, np.float32) if floor is None else floor
            given["allowed"] = inputs.get("allowed", np.ones((1, self.classes), bool))
        names = sorted(self.wanted[name] & set(self.outputs))
        found = self.session.run(names, given)
        return {k: _encoded(np.asarray(v)) for k, v in zip(names, found)}

    def warm_up(self) -> None:
        """Run the graph on one row."""
        shape = [1, *(side if isinstance(side, int) else 8 for side in self.image.shape[1:])]
        self.run("serving_default", {"images": np.zeros(shape, TYPES[self.image.type])})


def _encoded(array: np.ndarray) -> np.ndarray:
    """Text as bytes, as the server takes it."""
    if array.dtype.kind not in "OU":
        return array
    found = np.empty(array.size, object)
    found[:] = [v.encode() if isinstance(v, str) else v for v in array.ravel()]
    return found.reshape(array.shape)
