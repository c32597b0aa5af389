"""An exported SavedModel as a model of NVIDIA's Triton server, by its Python backend.

`write_triton_repository` copies this file into the repository as `model.py`. It runs in the
server's Python, which needs TensorFlow and NumPy, and not this package.

Triton hands over the requests that it joined, one by one. Here they become one batch of the graph,
and rows that the graph could not read are told in its outputs `ok` and `error`, so that a damaged
image spoils nothing beside it. Where the batch as a whole fails, every request is run alone.
"""

from __future__ import annotations

import json
import pathlib
from collections import defaultdict
from typing import Any

import numpy as np


class TritonPythonModel:
    """What Triton's Python backend looks for in `model.py`."""

    def initialize(self, args: dict) -> None:
        """Load the SavedModel, compare it with `config.pbtxt`, run every signature once."""
        import tensorflow as tf
        import triton_python_backend_utils as utils

        self.utils: Any = utils
        self.tf: Any = tf
        folder = pathlib.Path(args["model_repository"]) / args["model_version"]
        # Kept: it owns the variables.
        self.loaded = tf.saved_model.load(str(folder / "model.savedmodel"))
        self.signatures = {
            name: function
            for name, function in self.loaded.signatures.items()
            if name != "classify"
        }
        self._compare(json.loads(args["model_config"]))
        for name in self.signatures:
            self._run(name, self._example(name))

    def execute(self, requests: list) -> list:
        """Answer joined requests, one response each."""
        answers: list[Any] = [None] * len(requests)
        inputs, groups = {}, defaultdict(list)
        for i, request in enumerate(requests):
            try:
                name, inputs[i] = self._read(request)
                groups[name].append(i)
            except ValueError as error:
                answers[i] = self._refuse(error)
        for name, members in groups.items():
            for i, outputs in self._answer(name, {i: inputs[i] for i in members}).items():
                if isinstance(outputs, Exception):
                    answers[i] = self._refuse(outputs)
                    continue
                wanted = requests[i].requested_output_names()
                tensors = [self.utils.Tensor(k, v) for k, v in outputs.items() if k in wanted]
                answers[i] = self.utils.InferenceResponse(tensors)
        return answers

    def _read(self, request: Any) -> tuple[str, dict[str, np.ndarray]]:
        """Signature and inputs of a request; the first that takes the inputs if none is named."""
        inputs = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
        name = json.loads(request.parameters() or "{}").get("signature")
        if name is None:
            fitting = (n for n in sorted(self.signatures) if self._names(n) == set(inputs))
            # `serving_...` before `features_...`, which takes the same.
            name = max(fitting, key=lambda n: not n.startswith("features"), default=None)
        if name not in self.signatures:
            raise ValueError(
                f"No signature {name!r} for inputs {sorted(inputs)}. There are: "
                + "; ".join(f"{n}: {sorted(self._names(n))}" for n in sorted(self.signatures))
            )
        if set(inputs) != self._names(name):
            raise ValueError(f"{name} takes {sorted(self._names(name))}, not {sorted(inputs)}.")
        return name, inputs

    def _answer(self, name: str, inputs: dict) -> dict:
        """Return outputs, or an exception, by number of the request."""
        sizes = {i: len(next(iter(given.values()))) for i, given in inputs.items()}
        try:
            joined = {k: np.concatenate([v[k] for v in inputs.values()]) for k in self._names(name)}
            outputs = self._run(name, joined)
        except Exception as error:  # whatever it is: the server must go on
            if len(inputs) == 1:
                return dict.fromkeys(inputs, error)
            return {i: self._answer(name, {i: given})[i] for i, given in inputs.items()}
        ends = np.cumsum(list(sizes.values()))[:-1]
        parts = {k: np.split(v, ends) for k, v in outputs.items()}
        return {i: {k: parts[k][n] for k in parts} for n, i in enumerate(inputs)}

    def _run(self, name: str, inputs: dict) -> dict[str, np.ndarray]:
        given = {k: self.tf.constant(v) for k, v in inputs.items()}
        return {k: v.numpy() for k, v in self.signatures[name](**given).items()}

    def _names(self, name: str) -> set[str]:
        return set(self.signatures[name].structured_input_signature[1])

    def _example(self, name: str) -> dict[str, np.ndarray]:
        """One row of zeros, as the server would load or trace at the first request."""
        example = {}
        for key, spec in self.signatures[name].structured_input_signature[1].items():
            shape = [1, *(side or 8 for side in spec.shape[1:])]
            dtype = spec.dtype.as_numpy_dtype
            example[key] = np.zeros(shape, dtype)
            if dtype is object:
                picture = self.tf.io.encode_jpeg(np.zeros((8, 8, 3), np.uint8)).numpy()
                example[key] = np.array([picture], object)
        return example

    def _compare(self, config: dict) -> None:
        """Raise where `config.pbtxt` is that of another model, such as an earlier version."""
        declared = {o["name"]: [int(d) for d in o["dims"]] for o in config["output"]}
        for function in self.signatures.values():
            for key, spec in function.structured_outputs.items():
                dims = list(spec.shape[1:]) or [1]
                if declared.get(key) != [-1 if side is None else side for side in dims]:
                    raise self.utils.TritonModelException(
                        f"config.pbtxt declares output {key!r} as {declared.get(key)}, the model "
                        f"has {dims}. Delete config.pbtxt and write the repository again."
                    )

    def _refuse(self, error: Exception) -> Any:
        failure = self.utils.TritonError(str(error)[:1000], self.utils.TritonError.INVALID_ARG)
        return self.utils.InferenceResponse([], failure)
