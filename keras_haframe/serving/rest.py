"""Client of TF Serving's REST interface, on the standard library and NumPy."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import numpy as np

from keras_haframe.serving.errors import ServingError, with_retries

TRANSIENT = (408, 425, 429, 500, 502, 503, 504)


class RestClient:
    """Requests to a model behind TF Serving's REST port.

    Args:
        url: Address of the server, such as `"http://localhost:8501"`.
        model: Name of the served model.
        version: Version; the server's newest by default.
        timeout: Seconds to wait for each attempt.
        retries: Further attempts after a time-out, a refused connection or a busy server.
        backoff: Seconds before the first of them; doubles.

    Example:

    ```python
    client = RestClient("http://localhost:8501", "aircraft")
    found = client.predict({"image_bytes": [open("747.jpg", "rb").read()]}, "serving_bytes")
    found["class_name"], found["score"], found["ok"]
    ```
    """

    def __init__(
        self,
        url: str,
        model: str,
        version: int | None = None,
        timeout: float = 10.0,
        retries: int = 3,
        backoff: float = 0.2,
    ):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f'`url` must look like "http://localhost:8501". Received: url={url!r}')
        at = "" if version is None else f"/versions/{int(version)}"
        self.address = f"{url.rstrip('/')}/v1/models/{urllib.parse.quote(model)}{at}"
        self.timeout, self.retries, self.backoff = timeout, retries, backoff

    def predict(self, inputs: dict, signature: str = "serving_default") -> dict:
        """Return the outputs of a signature by name.

        Args:
            inputs: Arrays, or lists of byte strings, by input name; one row per image.
            signature: Name of the signature.

        Returns:
            NumPy arrays by output name; text as str.

        Raises:
            ServingError: If the server refuses the request or does not answer.
        """
        body = {"signature_name": signature, "inputs": {k: _plain(v) for k, v in inputs.items()}}
        outputs = self._send(":predict", body)["outputs"]
        if not isinstance(outputs, dict):  # one output comes without its name
            return {"outputs": np.asarray(outputs)}
        return {name: np.asarray(value) for name, value in outputs.items()}

    def classify(self, images: list[bytes], signature: str = "classify") -> list:
        """Names and scores of the best classes of encoded images, by TF Serving's Classify.

        Returns:
            Per image a list of `(name, score)`, best first.
        """
        examples = [{"image/encoded": _plain(data)} for data in images]
        body = {"signature_name": signature, "examples": examples}
        results = self._send(":classify", body)["results"]
        return [[(name, float(score)) for name, score in row] for row in results]

    def status(self) -> dict[int, str]:
        """State of every version that the server knows, such as `{3: "AVAILABLE"}`."""
        found = self._send("", None)["model_version_status"]
        return {int(v["version"]): v["state"] for v in found}

    def _send(self, verb: str, body: dict | None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.address + verb, data, {"Content-Type": "application/json"}
        )

        def once() -> Any:
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                    return json.loads(answer.read())
            except urllib.error.HTTPError as error:
                message = f"{error.code} from {request.full_url}: {_reason(error)}"
                raise ServingError(message, error.code in TRANSIENT) from None
            except (OSError, http.client.HTTPException) as error:  # refused, reset, timed out
                reason = getattr(error, "reason", None) or error or type(error).__name__
                message = f"no answer from {request.full_url}: {reason}"
                raise ServingError(message, True) from None
            except ValueError as error:
                message = f"{request.full_url} did not answer in JSON: {error}"
                raise ServingError(message) from None

        return with_retries(once, self.retries, self.backoff)


def _plain(value: Any) -> Any:
    """`value` as the REST interface takes it; byte strings in base 64."""
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _reason(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        return json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        return text[:500]
