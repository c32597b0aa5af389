"""Client of TF Serving's gRPC interface, on grpcio and protobuf, without TensorFlow."""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np

from keras_haframe.serving import answers
from keras_haframe.serving.errors import ServingError, check_timeout, printable, with_retries
from keras_haframe.serving.messages import pb
from keras_haframe.serving.tensors import from_proto, to_proto
from keras_haframe.serving.tls import Tls

TRANSIENT = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED")
STATES = {0: "UNKNOWN", 10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}
METHODS = {
    "predict": ("PredictionService/Predict", pb.PredictResponse),
    "classify": ("PredictionService/Classify", pb.ClassificationResponse),
    "status": ("ModelService/GetModelStatus", pb.GetModelStatusResponse),
}


class GrpcClient:
    """Requests to a model behind TF Serving's gRPC port.

    Args:
        address: `host:port`, such as `"localhost:8500"`.
        model: Name of the served model.
        version: Version; the server's newest by default.
        timeout: Seconds to wait for each attempt.
        retries: Further attempts after a time-out, a refused connection or a busy server.
        backoff: Seconds before the first of them; doubles.
        max_message: Largest message in bytes, either way (gRPC's own limit is 4 MiB), and most
            bytes of the arrays made of an answer.
        tls: Certificates for an encrypted connection (`Tls()`: the usual authorities); by default
            it is not encrypted.

    Example:

    ```python
    with GrpcClient("localhost:8500", "aircraft") as client:
        found = client.predict({"image_bytes": [data]}, "serving_bytes")
    ```
    """

    def __init__(
        self,
        address: str,
        model: str,
        version: int | None = None,
        timeout: float = 10.0,
        retries: int = 3,
        backoff: float = 0.2,
        max_message: int = 64 * 2**20,
        tls: Tls | None = None,
    ):
        self.model, self.version, self.max_message = model, version, max_message
        self.timeout, self.retries, self.backoff = check_timeout(timeout), retries, backoff
        limits = [
            ("grpc.max_send_message_length", max_message),
            ("grpc.max_receive_message_length", max_message),
        ]
        self._address = address
        self._channel = (
            grpc.insecure_channel(address, limits)
            if tls is None
            else grpc.secure_channel(address, tls.credentials(), limits)
        )
        self._calls = {
            name: self._channel.unary_unary(
                f"/tensorflow.serving.{path}",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=answer.FromString,
            )
            for name, (path, answer) in METHODS.items()
        }

    def predict(self, inputs: dict, signature: str = "serving_default") -> dict:
        """Return the outputs of a signature by name; as `RestClient.predict`."""
        rows = answers.count_rows(inputs)
        request = pb.PredictRequest(model_spec=self._spec(signature))
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(to_proto(_single(value)))
        found, room = {}, self.max_message
        for name, value in self._send("predict", request).outputs.items():
            try:
                array = from_proto(value, room)
                room -= array.nbytes
                found[name] = (
                    array
                    if array.dtype != object
                    else answers.text(array.ravel(), array.shape, self.max_message)
                )
            except ValueError as error:
                raise ServingError(f"{self._address} answered output {name!r}: {error}") from None
        answers.check_rows(self._address, found, rows)
        return found

    def classify(self, images: list[bytes], signature: str = "classify") -> list:
        """Names and scores of the best classes; as `RestClient.classify`."""
        request = pb.ClassificationRequest(model_spec=self._spec(signature))
        for data in images:
            example = request.input.example_list.examples.add()
            example.features.feature["image/encoded"].bytes_list.value.append(data)
        found = self._send("classify", request).result.classifications
        if len(found) != len(images):
            raise ServingError(f"{self._address} answered {len(images)} images with {len(found)}")
        return [[(c.label, c.score) for c in row.classes] for row in found]

    def status(self) -> dict[int, str]:
        """State of every version that the server knows, such as `{3: "AVAILABLE"}`."""
        request = pb.GetModelStatusRequest(model_spec=self._spec(""))
        found = self._send("status", request).model_version_status
        return {v.version: STATES.get(v.state, str(v.state)) for v in found}

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> GrpcClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _spec(self, signature: str) -> Any:
        spec = pb.ModelSpec(name=self.model, signature_name=signature)
        if self.version is not None:
            spec.version.value = int(self.version)
        return spec

    def _send(self, method: str, request: Any) -> Any:
        def once() -> Any:
            try:
                return self._calls[method](request, timeout=self.timeout)
            except grpc.RpcError as error:
                code = error.code().name
                message = f"{code} from {self._address}: {printable(error.details() or '')}"
                too_large = "larger than max" in (error.details() or "")
                raise ServingError(message, code in TRANSIENT and not too_large) from None

        return with_retries(once, self.retries, self.backoff)


def _single(value: Any) -> list | np.ndarray:
    """Numbers given as lists or in double precision become float32, as the signatures take them."""
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], (bytes, str)):
        return list(value)
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.kind in "fiu" else array
