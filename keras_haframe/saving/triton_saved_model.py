"""How Triton's `model.py` runs a SavedModel; copied into the repository as `runner.py`."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np


class Runner:
    """The signatures of a SavedModel but `classify`, which takes TF Serving's examples.

    Attributes:
        inputs: Names of the inputs by signature.
        outputs: Sizes of every output without the batch, -1 where any is possible.
    """

    def __init__(self, folder: pathlib.Path):
        import tensorflow as tf

        self.tf: Any = tf
        # Kept: it owns the variables.
        self.loaded = tf.saved_model.load(str(folder / "model.savedmodel"))
        self.signatures = {k: v for k, v in self.loaded.signatures.items() if k != "classify"}
        self.specs = {k: v.structured_input_signature[1] for k, v in self.signatures.items()}
        self.inputs = {k: set(specs) for k, specs in self.specs.items()}
        self.outputs = {
            key: [-1 if side is None else side for side in spec.shape[1:]]
            for function in self.signatures.values()
            for key, spec in function.structured_outputs.items()
        }

    def run(self, name: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs of a signature."""
        given = {k: self.tf.constant(v) for k, v in inputs.items()}
        return {k: v.numpy() for k, v in self.signatures[name](**given).items()}

    def warm_up(self) -> None:
        """Run every signature on one row, so that no request waits for what is made then."""
        picture = self.tf.io.encode_jpeg(np.zeros((8, 8, 3), np.uint8)).numpy()
        for name, specs in self.specs.items():
            example = {}
            for key, spec in specs.items():
                shape = [1, *(side or 8 for side in spec.shape[1:])]
                text = spec.dtype == self.tf.string
                example[key] = np.full(shape, picture if text else 0, spec.dtype.as_numpy_dtype)
            self.run(name, example)
