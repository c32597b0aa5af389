"""Client of the KServe v2 protocol over HTTP: Triton, KServe, MLServer, OpenVINO Model Server."""

from __future__ import annotations

import json
import math
from typing import Any, ClassVar

import numpy as np

from keras_haframe.serving import answers
from keras_haframe.serving.errors import ServingError
from keras_haframe.serving.http_client import HttpClient
from keras_haframe.serving.tensors import strings

DTYPES: dict[str, type] = {
    "BOOL": np.bool_, "BYTES": object, "FP16": np.float16, "FP32": np.float32, "FP64": np.float64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
}  # fmt: skip
HEADER = "Inference-Header-Content-Length"


class KServeClient(HttpClient):
    """Requests to a model behind a server that speaks KServe v2, such as Triton.

    Tensors travel in the binary extension of the protocol; answers are read in JSON, too.

    Args:
        url: Address of the server, such as `"http://localhost:8000"`.
        model: Name of the served model.
        version: Version; the server's choice by default.
        timeout: Seconds for each attempt, from the connection to the last byte.
        retries: Further attempts after a time-out, a broken connection or a busy server.
        backoff: Seconds before the first of them; doubles. The server's `Retry-After` is kept.
        max_message: Largest answer in bytes.
        tls: Certificates for an `https` address; the system's authorities by default.

    Example:

    ```python
    client = KServeClient("http://localhost:8000", "aircraft")
    found = client.predict({"image_bytes": [open("747.jpg", "rb").read()]}, "serving_bytes")
    found["class_name"], found["score"], found["ok"]
    ```
    """

    api: ClassVar[str] = "v2"
    _inputs: dict[str, tuple[str, bool]] | None = None

    def predict(self, inputs: dict, signature: str | None = None) -> dict:
        """Return the outputs by name.

        Numbers are sent in the type that the model declares. Triton has no tensors `[B]` in
        batches: what a model declares as `[-1, 1]` is given and returned as `[B]`.

        Args:
            inputs: Arrays, or lists of byte strings, by input name; one row per image.
            signature: Signature of a model written by `write_triton_repository`, sent as a
                parameter of the request; by default the first that takes these inputs. Other models
                have none.

        Returns:
            NumPy arrays by output name, one row per image; text as str.

        Raises:
            ServingError: If the server refuses the request, does not answer, or answers with
                something else than outputs of as many rows.
            ValueError: If the inputs do not have the same number of rows.
        """
        rows = answers.count_rows(inputs)
        if self._inputs is None:
            self._inputs = self._declared()
        tensors = [self._tensor(name, value) for name, value in inputs.items()]
        parameters = {"binary_data_output": True} | ({"signature": signature} if signature else {})
        head = json.dumps({"inputs": [t for t, _ in tensors], "parameters": parameters}).encode()
        headers = {"Content-Type": "application/octet-stream", HEADER: str(len(head))}
        body = b"".join([head, *(data for _, data in tensors)])
        try:
            answer, found_headers = self._exchange(f"{self._version}/infer", body, headers)
        except ServingError:
            self._inputs = None  # perhaps another version declares others
            raise
        try:
            found = self._read_outputs(answer, found_headers.get(HEADER))
        except (ValueError, OverflowError) as error:
            raise ServingError(f"{self.address} answered wrongly: {error}") from None
        answers.check_rows(self.address, found, rows)
        return found

    def status(self) -> dict[int, str]:
        """State of every version that the server names: `"AVAILABLE"` or `"UNAVAILABLE"`."""
        versions = answers.field(self.address, self._metadata(""), "versions", list)
        try:
            return {int(v): self._ready(f"/versions/{int(v)}") for v in versions}
        except (TypeError, ValueError, OverflowError):
            raise ServingError(f"{self.address} answered without versions") from None

    def _ready(self, version: str) -> str:
        try:
            self._exchange(f"{version}/ready", None)
        except ServingError as error:
            if error.transient:
                raise
            return "UNAVAILABLE"
        return "AVAILABLE"

    def _metadata(self, version: str) -> dict:
        return answers.from_json(self.address, self._exchange(version, None)[0])

    def _declared(self) -> dict[str, tuple[str, bool]]:
        """Type of every input, and whether it has one value per row."""
        found = {}
        for entry in answers.field(self.address, self._metadata(self._version), "inputs", list):
            name = answers.field(self.address, entry, "name", str)
            shape = answers.field(self.address, entry, "shape", list)
            scalar = len(shape) == 2 and shape[1] == 1
            found[name] = (answers.field(self.address, entry, "datatype", str), scalar)
        return found

    def _tensor(self, name: str, value: Any) -> tuple[dict, bytes]:
        """Make the description and the bytes of an input."""
        kind, scalar = (self._inputs or {}).get(name, ("", False))
        array = strings(value)
        if array is None:
            array = np.asarray(value)
            wanted = DTYPES.get(kind, object)
            if array.dtype.kind in "fiu" and np.dtype(wanted).kind in "fiu":
                array = array.astype(wanted)
            data = np.ascontiguousarray(array).tobytes()
        else:
            data = b"".join(len(v).to_bytes(4, "little") + v for v in array.ravel())
        code = next((c for c, dtype in DTYPES.items() if array.dtype == dtype), None)
        if code is None:
            raise ValueError(f"Tensors must be of one of {tuple(DTYPES)}. Received: {array.dtype}")
        shape = [*array.shape, 1] if scalar and array.ndim == 1 else list(array.shape)
        size = {"binary_data_size": len(data)}
        return {"name": name, "shape": shape, "datatype": code, "parameters": size}, data

    def _read_outputs(self, answer: bytes, head_size: str | None) -> dict[str, np.ndarray]:
        size = len(answer) if head_size is None else int(head_size)
        if not 0 <= size <= len(answer):
            raise ValueError(f"a header of {size} bytes in an answer of {len(answer)}")
        where, found = self.address, {}
        head, rest = answers.from_json(where, answer[:size]), answer[size:]
        for entry in answers.field(where, head, "outputs", list):
            name = answers.field(where, entry, "name", str)
            dtype = DTYPES.get(answers.field(where, entry, "datatype", str))
            shape = answers.field(where, entry, "shape", list)
            if dtype is None or name in found:
                raise ValueError(f"output {name!r} twice, or of type {entry['datatype']!r}")
            if any(type(side) is not int or side < 0 for side in shape):
                raise ValueError(f"output {name!r} of shape {shape}")
            if "data" in entry:
                array = _from_json(entry["data"], dtype, self.max_message)
            else:
                given = answers.field(where, entry, "parameters", dict)
                taken = answers.field(where, given, "binary_data_size", int)
                if not 0 <= taken <= len(rest):
                    raise ValueError(f"output {name!r} of {taken} bytes where {len(rest)} are left")
                array, rest = _from_bytes(rest[:taken], dtype, self.max_message), rest[taken:]
            if array.size != math.prod(shape):
                raise ValueError(f"output {name!r} of shape {shape} with {array.size} values")
            shape = shape[:1] if len(shape) == 2 and shape[1] == 1 else shape
            found[name] = array.reshape(shape)
        if rest:
            raise ValueError(f"{len(rest)} bytes belong to no output")
        return found


def _from_json(data: Any, dtype: type, room: int) -> np.ndarray:
    array = answers.from_lists(data, room)
    kinds = {"b": "b", "f": "if", "i": "i", "u": "i", "O": "U"}[np.dtype(dtype).kind]
    if array.dtype.kind not in kinds and array.size:
        raise ValueError(f"{array.dtype} values for {np.dtype(dtype)}")
    return array if dtype is object else np.asarray(array.tolist(), dtype)


def _from_bytes(data: bytes, dtype: type, room: int) -> np.ndarray:
    """Flat array of the binary extension: numbers as in memory, text with its length before it."""
    if dtype is not object:
        if dtype is np.bool_:
            return np.frombuffer(data, np.uint8) != 0
        return np.frombuffer(data, dtype).copy()
    values, at = [], 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "little")
        if end > len(data) or at + 4 > len(data):
            raise ValueError("text that ends after the answer")
        values.append(data[at + 4 : end])
        at = end
    return answers.text(values, (len(values),), room)
