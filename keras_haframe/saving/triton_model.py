"""An exported model as a model of NVIDIA's Triton server, by its Python backend.

`write_triton_repository` copies this file into the repository as `model.py`, beside a `runner.py`
that runs a SavedModel or an ONNX file. Both run in the server's Python, which needs NumPy and
TensorFlow or ONNX Runtime, and not this package.

Triton hands over the requests that it joined, one by one. Here they become one batch of the graph,
and rows that the graph could not read are told in its outputs `ok` and `error`, so that a damaged
image spoils nothing beside it. Where the batch as a whole fails, every request is run alone.
"""

from __future__ import annotations

import importlib.util
import json
import pathlib
from collections import defaultdict
from typing import Any

import numpy as np


class TritonPythonModel:
    """What Triton's Python backend looks for in `model.py`."""

    def initialize(self, args: dict) -> None:
        """Load the model, compare it with `config.pbtxt`, run every signature once."""
        import triton_python_backend_utils as utils

        self.utils: Any = utils
        folder = pathlib.Path(args["model_repository"]) / args["model_version"]
        spec: Any = importlib.util.spec_from_file_location("runner", folder / "runner.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.runner: Any = module.Runner(folder)
        self._compare(json.loads(args["model_config"]))
        self.runner.warm_up()

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
        takes = self.runner.inputs
        if name is None:
            fitting = (n for n in sorted(takes) if takes[n] == set(inputs))
            # `serving_...` before `features_...`, which takes the same.
            name = max(fitting, key=lambda n: not n.startswith("features"), default=None)
        if name not in takes:
            known = "; ".join(f"{n}: {sorted(takes[n])}" for n in sorted(takes))
            raise ValueError(f"No signature {name!r} for inputs {sorted(inputs)}. Known: {known}")
        if set(inputs) != takes[name]:
            raise ValueError(f"{name} takes {sorted(takes[name])}, not {sorted(inputs)}.")
        return name, inputs

    def _answer(self, name: str, inputs: dict) -> dict:
        """Return outputs, or an exception, by number of the request."""
        sizes = {i: len(next(iter(given.values()))) for i, given in inputs.items()}
        try:
            names = self.runner.inputs[name]
            joined = {k: np.concatenate([v[k] for v in inputs.values()]) for k in names}
            outputs = self.runner.run(name, joined)
        except Exception as error:  # whatever it is: the server must go on
            if len(inputs) == 1:
                return dict.fromkeys(inputs, error)
            return {i: self._answer(name, {i: given})[i] for i, given in inputs.items()}
        ends = np.cumsum(list(sizes.values()))[:-1]
        parts = {k: np.split(v, ends) for k, v in outputs.items()}
        return {i: {k: parts[k][n] for k in parts} for n, i in enumerate(inputs)}

    def _compare(self, config: dict) -> None:
        """Raise where `config.pbtxt` is that of another model, such as an earlier version."""
        declared = {o["name"]: [int(d) for d in o["dims"]] for o in config["output"]}
        for key, dims in self.runner.outputs.items():
            if declared.get(key) != (dims or [1]):
                raise self.utils.TritonModelException(
                    f"config.pbtxt declares output {key!r} as {declared.get(key)}, the model has "
                    f"{dims or [1]}. Delete config.pbtxt and write the repository again."
                )

    def _refuse(self, error: Exception) -> Any:
        failure = self.utils.TritonError(str(error)[:1000], self.utils.TritonError.INVALID_ARG)
        return self.utils.InferenceResponse([], failure)
