"""A stand-in for TF Serving in the tests: its protocol and its loader, not its scheduler.

Shared with the stock server: the official protos (gRPC PredictionService and ModelService, REST
paths and JSON), the SavedModel loader (TensorFlow's C++ loader, through the C API), the signatures,
polling for versions, the replay of warm-up requests before a version takes traffic, and that an old
version is unloaded only when its last request is answered. Not shared: batching, its thread pools,
resource limits, GetModelMetadata, Regress, MultiInference, monitoring.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import pathlib
import threading
from concurrent import futures

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from tests.serving.c_api import Model

CODES = {"NOT_FOUND": 404, "INVALID_ARGUMENT": 400, "UNAVAILABLE": 503}
AVAILABLE, END = 30, 50


class Refused(Exception):
    """A request that the server answers with an error."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class Servable:
    """One loaded version."""

    def __init__(self, path: pathlib.Path):
        self.version, self.users = int(path.name), 0
        proto = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
        self.signatures = dict(proto.meta_graphs[0].signature_def)
        self.model = Model(path)

    def run(self, signature: str, inputs: dict) -> dict:
        """Outputs by name; `inputs` are arrays by name, strings as object arrays."""
        name = signature or "serving_default"
        if name not in self.signatures:
            raise Refused("INVALID_ARGUMENT", f"Serving signature key {name!r} not found.")
        definition = self.signatures[name]
        if set(inputs) != set(definition.inputs):
            raise Refused(
                "INVALID_ARGUMENT",
                f"input must be {sorted(definition.inputs)}. Received: {sorted(inputs)}",
            )
        feeds = {}
        for key, info in definition.inputs.items():
            value = np.asarray(inputs[key])
            if info.dtype != tf.string.as_datatype_enum:
                value = value.astype(tf.dtypes.as_dtype(info.dtype).as_numpy_dtype)
            feeds[info.name] = value
        keys = sorted(definition.outputs)
        try:
            found = self.model.run(feeds, [definition.outputs[k].name for k in keys])
        except RuntimeError as error:
            raise Refused("INVALID_ARGUMENT", str(error)) from None
        return dict(zip(keys, found))

    def classify(self, signature: str, examples: list[bytes]) -> list:
        name = signature or "serving_default"
        definition = self.signatures.get(name)
        if definition is None or definition.method_name != "tensorflow/serving/classify":
            raise Refused("INVALID_ARGUMENT", f"{name!r} is no Classify signature.")
        inputs = np.empty(len(examples), object)
        inputs[:] = examples
        found = self.run(name, {"inputs": inputs})
        return [list(zip(c, s)) for c, s in zip(found["classes"], found["scores"])]

    def warm_up(self, path: pathlib.Path) -> int:
        """Replay the warm-up file, read with the official protos; return the number of requests."""
        file = path / "assets.extra" / "tf_serving_warmup_requests"
        records = [r.numpy() for r in tf.data.TFRecordDataset(str(file))] if file.exists() else []
        for record in records:
            log = prediction_log_pb2.PredictionLog.FromString(record)
            if log.WhichOneof("log_type") == "classify_log":
                request = log.classify_log.request
                examples = request.input.example_list.examples
                self.classify(
                    request.model_spec.signature_name, [e.SerializeToString() for e in examples]
                )
            else:
                request = log.predict_log.request
                arrays = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
                self.run(request.model_spec.signature_name, arrays)
        return len(records)


class Server:
    """Serves the newest version of `base`; a context manager.

    Attributes:
        grpc_address, url: Where it listens, on the loopback interface.
        warmed: Number of replayed warm-up requests by version.
        states: State number by version.
    """

    def __init__(self, base: pathlib.Path, name: str, poll: float = 0.1):
        self.base, self.name, self.poll = pathlib.Path(base), name, poll
        self.lock, self.current = threading.Lock(), None
        self.warmed, self.states, self.stopping = {}, {}, threading.Event()

    def __enter__(self) -> Server:
        self._look()
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()
        self.rpc = grpc.server(futures.ThreadPoolExecutor(8))
        service = _Service(self)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, self.rpc)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(service, self.rpc)
        self.grpc_address = f"127.0.0.1:{self.rpc.add_insecure_port('127.0.0.1:0')}"
        self.rpc.start()
        handler = type("Handler", (_Handler,), {"server_state": self})
        self.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.web.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.web.server_port}"
        threading.Thread(target=self.web.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.watcher.join()
        self.rpc.stop(1).wait()
        self.web.shutdown()
        self.web.server_close()

    @contextlib.contextmanager
    def servable(self, name: str, version: int | None):
        """The version to use; it stays loaded until the block ends."""
        with self.lock:
            chosen = self.current
            if name != self.name or chosen is None or version not in (None, chosen.version):
                raise Refused("NOT_FOUND", f"Servable not found for request: {name}, {version}")
            chosen.users += 1
        try:
            yield chosen
        finally:
            with self.lock:
                chosen.users -= 1
                self._unload_if_idle(chosen)

    def _unload_if_idle(self, servable: Servable) -> None:
        if servable is not self.current and not servable.users:
            servable.model.close()
            self.states[servable.version] = END

    def _watch(self):
        while not self.stopping.wait(self.poll):
            self._look()

    def _look(self):
        versions = [int(p.name) for p in self.base.iterdir() if p.name.isdigit()]
        newest = max(versions, default=None)
        if newest is None or newest in self.states:
            return
        path = self.base / str(newest)
        loaded = Servable(path)
        self.warmed[newest] = loaded.warm_up(path)
        with self.lock:
            old, self.current = self.current, loaded
            self.states[newest] = AVAILABLE
            if old is not None:
                self._unload_if_idle(old)


class _Service(
    prediction_service_pb2_grpc.PredictionServiceServicer,
    model_service_pb2_grpc.ModelServiceServicer,
):
    def __init__(self, state: Server):
        self.state = state

    @contextlib.contextmanager
    def _servable(self, spec, context):
        version = spec.version.value if spec.HasField("version") else None
        try:
            with self.state.servable(spec.name, version) as servable:
                yield servable
        except Refused as error:
            context.abort(grpc.StatusCode[error.code], str(error))

    def Predict(self, request, context):
        spec = request.model_spec
        with self._servable(spec, context) as servable:
            arrays = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
            found = servable.run(spec.signature_name, arrays)
            answer = predict_pb2.PredictResponse()
            answer.model_spec.CopyFrom(spec)
            answer.model_spec.version.value = servable.version
            for key, value in found.items():
                answer.outputs[key].CopyFrom(tf.make_tensor_proto(value))
            return answer

    def Classify(self, request, context):
        spec = request.model_spec
        with self._servable(spec, context) as servable:
            examples = [e.SerializeToString() for e in request.input.example_list.examples]
            answer = classification_pb2.ClassificationResponse()
            answer.model_spec.CopyFrom(spec)
            answer.model_spec.version.value = servable.version
            for row in servable.classify(spec.signature_name, examples):
                classes = answer.result.classifications.add().classes
                for label, score in row:
                    classes.add(label=label, score=score)
            return answer

    def GetModelStatus(self, request, context):
        answer = get_model_status_pb2.GetModelStatusResponse()
        if request.model_spec.name != self.state.name:
            context.abort(grpc.StatusCode.NOT_FOUND, "Could not find any versions of model")
        for version, state in sorted(self.state.states.items()):
            answer.model_version_status.add(version=version, state=state)
        return answer


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: Server

    def log_message(self, *_):
        pass

    def do_GET(self):
        _, _, _, name, *_ = [*self.path.split("/"), ""]
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = name
        try:
            if name != self.server_state.name:
                raise Refused("NOT_FOUND", "Could not find any versions of model")
            found = _Service(self.server_state).GetModelStatus(request, None)
            text = json_format.MessageToJson(found, preserving_proto_field_name=True)
            self._answer(200, json.loads(text))
        except Refused as error:
            self._answer(CODES[error.code], {"error": str(error)})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            path, _, verb = self.path.rpartition(":")
            parts = path.split("/")  # "", v1, models, NAME[, versions, N]
            version = int(parts[5]) if len(parts) > 5 else None
            with self.server_state.servable(parts[3], version) as servable:
                self._answer(200, _rest(servable, verb, json.loads(body)))
        except Refused as error:
            self._answer(CODES[error.code], {"error": str(error)})
        except (ValueError, KeyError, IndexError) as error:
            self._answer(400, {"error": f"JSON Parse error: {error}"})

    def _answer(self, code: int, value: dict):
        data = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _rest(servable: Servable, verb: str, body: dict) -> dict:
    signature = body.get("signature_name", "")
    if verb == "classify":
        examples = []
        for row in body["examples"]:
            features = {
                key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[_unwrap(value)]))
                for key, value in row.items()
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            examples.append(example.SerializeToString())
        rows = servable.classify(signature, examples)
        return {"results": [[[c.decode(), float(s)] for c, s in row] for row in rows]}
    if verb != "predict":
        raise Refused("INVALID_ARGUMENT", f"Malformed request: {verb}")
    arrays = {}
    for key, value in body["inputs"].items():
        rows = [_unwrap(v) for v in value]
        if any(isinstance(v, bytes) for v in rows):
            array = np.empty(len(rows), object)
            array[:] = rows
        else:
            array = np.asarray(rows)
        arrays[key] = array
    found = {key: _listed(value) for key, value in servable.run(signature, arrays).items()}
    return {"outputs": next(iter(found.values())) if len(found) == 1 else found}


def _unwrap(value):
    if isinstance(value, dict) and set(value) == {"b64"}:
        return base64.b64decode(value["b64"])
    return value.encode() if isinstance(value, str) else value


def _listed(array: np.ndarray):
    if array.dtype == object:
        return np.array([v.decode() for v in array.ravel()], object).reshape(array.shape).tolist()
    return array.tolist()
