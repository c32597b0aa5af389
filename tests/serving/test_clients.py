"""Clients against servers that refuse, stall, break off or answer nonsense; no TensorFlow."""

import http.server
import json
import socket
import threading
import time

import numpy as np
import pytest

from keras_haframe.serving import GrpcClient, RestClient, ServingError
from keras_haframe.serving.errors import with_retries


@pytest.fixture
def script():
    """A server on the loopback that plays `script.answers`, one entry per request."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.seen.append((self.path, json.loads(body) if body else None))
            answer = server.answers.pop(0)
            if answer == "break":
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if answer == "stall":
                time.sleep(0.6)
                return
            code, text = answer
            data = text.encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.answers, server.seen = True, [], []
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


FINE = (200, '{"outputs": {"class_name": ["jet"], "score": [NaN]}}')


def client(script, **options):
    return RestClient(script.url, "planes", **{"timeout": 0.3, "backoff": 0.01, **options})


def test_the_request_is_that_of_tf_serving(script):
    script.answers = [FINE]
    inputs = {"image_bytes": [b"\xff\0"], "threshold": np.array([0.5], np.float32)}
    found = client(script, version=3).predict(inputs, "hierarchical_bytes")
    assert found["class_name"].tolist() == ["jet"] and np.isnan(found["score"]).all()
    path, body = script.seen[0]
    assert path == "/v1/models/planes/versions/3:predict"
    assert body == {
        "signature_name": "hierarchical_bytes",
        "inputs": {"image_bytes": [{"b64": "/wA="}], "threshold": [0.5]},
    }


def test_one_output_comes_without_its_name(script):
    script.answers = [(200, '{"outputs": [[1.0, 2.0]]}')]
    assert client(script).predict({"images": np.zeros((1, 2))})["outputs"].shape == (1, 2)


def test_classify_and_status(script):
    script.answers = [
        (200, '{"results": [[["jet", 0.75], ["car", 0.25]]]}'),
        (200, '{"model_version_status": [{"version": "4", "state": "AVAILABLE"}]}'),
    ]
    assert client(script).classify([b"x"]) == [[("jet", 0.75), ("car", 0.25)]]
    assert script.seen[0][1]["examples"] == [{"image/encoded": {"b64": "eA=="}}]
    assert client(script).status() == {4: "AVAILABLE"}


@pytest.mark.parametrize("failure", ["break", "stall", (503, "busy"), (429, "{}")])
def test_transient_failures_are_tried_again(script, failure):
    script.answers = [failure, failure, FINE]
    assert client(script, retries=2).predict({})["class_name"].tolist() == ["jet"]
    assert len(script.seen) == 3


def test_after_the_last_try_the_error_tells_how_often(script):
    script.answers = [(503, '{"error": "no room"}')] * 3
    with pytest.raises(ServingError, match=r"503 from .*no room") as caught:
        client(script, retries=2).predict({})
    assert caught.value.attempts == 3 and caught.value.transient


def test_a_refusal_is_not_tried_again(script):
    script.answers = [(400, '{"error": "no such signature"}'), FINE]
    with pytest.raises(ServingError, match="no such signature") as caught:
        client(script).predict({})
    assert caught.value.attempts == 1 and not caught.value.transient
    assert len(script.seen) == 1


def test_nonsense_is_an_error(script):
    script.answers = [(200, "<html>")]
    with pytest.raises(ServingError, match="did not answer in JSON"):
        client(script).predict({})


def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ServingError, match="no answer from") as caught:
        RestClient(f"http://127.0.0.1:{port}", "m", retries=1, backoff=0.01).predict({})
    assert caught.value.attempts == 2


@pytest.mark.parametrize("url", ["localhost:8501", "ftp://x", "http://"])
def test_addresses_are_checked(url):
    with pytest.raises(ValueError, match="must look like"):
        RestClient(url, "m")


def test_waits_double_and_scatter():
    waits = []

    def fail():
        raise ServingError("busy", transient=True)

    with pytest.raises(ServingError):
        with_retries(fail, 4, 1.0, waits.append)
    assert len(waits) == 4
    for wait, longest in zip(waits, (1, 2, 4, 8)):
        assert longest / 2 <= wait <= longest
    with pytest.raises(ValueError, match="retries=-1"):
        with_retries(fail, -1, 1.0)


def test_grpc_errors():
    with GrpcClient("127.0.0.1:1", "m", timeout=0.2, retries=1, backoff=0.01) as nobody:
        with pytest.raises(ServingError, match=r"UNAVAILABLE|DEADLINE_EXCEEDED") as caught:
            nobody.predict({"images": np.zeros((1, 2, 2, 3))})
    assert caught.value.attempts == 2 and caught.value.transient
