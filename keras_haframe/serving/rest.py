"""Client of TF Serving's REST interface, on urllib3 and NumPy."""

from __future__ import annotations

import base64
import json
from typing import Any, ClassVar

import numpy as np

from keras_haframe.serving import answers
from keras_haframe.serving.errors import ServingError
from keras_haframe.serving.http_client import HttpClient


class RestClient(HttpClient):
    """Requests to a model behind TF Serving's REST port.

    Args:
        url: Address of the server, such as `"http://localhost:8501"`.
        model: Name of the served model.
        version: Version; the server's newest by default.
        timeout: Seconds for each attempt, from the connection to the last byte.
        retries: Further attempts after a time-out, a broken connection or a busy server.
        backoff: Seconds before the first of them; doubles. The server's `Retry-After` is kept.
        max_message: Largest answer in bytes.
        tls: Certificates for an `https` address; the system's authorities by default.

    Example:

    ```python
    client = RestClient("http://localhost:8501", "aircraft")
    found = client.predict({"image_bytes": [open("747.jpg", "rb").read()]}, "serving_bytes")
    found["class_name"], found["score"], found["ok"]
    ```
    """

    api: ClassVar[str] = "v1"

    def predict(self, inputs: dict, signature: str = "serving_default") -> dict:
        """Return the outputs of a signature by name.

        Args:
            inputs: Arrays, or lists of byte strings, by input name; one row per image.
            signature: Name of the signature.

        Returns:
            NumPy arrays by output name, one row per image; text as str.

        Raises:
            ServingError: If the server refuses the request, does not answer, or answers with
                something else than outputs of as many rows.
            ValueError: If the inputs do not have the same number of rows.
        """
        rows = answers.count_rows(inputs)
        body = {"signature_name": signature, "inputs": {k: _plain(v) for k, v in inputs.items()}}
        answer = self._send(":predict", body)
        if "outputs" not in answer:
            raise ServingError(f"{self.address} answered without 'outputs'")
        outputs = answer["outputs"]
        if not isinstance(outputs, dict):  # one output comes without its name
            outputs = {"outputs": outputs}
        found = {name: self._array(name, value) for name, value in outputs.items()}
        answers.check_rows(self.address, found, rows)
        return found

    def classify(self, images: list[bytes], signature: str = "classify") -> list:
        """Names and scores of the best classes of encoded images, by TF Serving's Classify.

        Returns:
            Per image a list of `(name, score)`, best first.

        Raises:
            ServingError: As `predict`.
        """
        examples = [{"image/encoded": _plain(data)} for data in images]
        body = {"signature_name": signature, "examples": examples}
        results = answers.field(self.address, self._send(":classify", body), "results", list)
        try:
            found = [[(_name(name), float(score)) for name, score in row] for row in results]
        except (TypeError, ValueError, OverflowError):
            found = None
        if found is None or len(found) != len(images):
            raise ServingError(
                f"{self.address} answered {len(images)} images with something else than "
                f"{len(images)} lists of names and scores"
            )
        return found

    def status(self) -> dict[int, str]:
        """State of every version that the server knows, such as `{3: "AVAILABLE"}`."""
        answer = self._send("", None)
        found = answers.field(self.address, answer, "model_version_status", list)
        try:
            return {int(v["version"]): _name(v["state"]) for v in found}
        except (TypeError, ValueError, KeyError, OverflowError):
            raise ServingError(f"{self.address} answered without states of versions") from None

    def _send(self, verb: str, body: dict | None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        path = self._version + verb
        return answers.from_json(self.address + path, self._exchange(path, data, headers)[0])

    def _array(self, name: str, value: Any) -> np.ndarray:
        try:
            return answers.from_lists(value, self.max_message)
        except (ValueError, OverflowError) as error:
            raise ServingError(f"{self.address} answered output {name!r}: {error}") from None


def _plain(value: Any) -> Any:
    """`value` as the REST interface takes it; byte strings in base 64."""
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist()) if value.dtype.kind in "OS" else value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"no text: {value!r}")
    return value
