"""The KServe v2 client: what it sends, what it reads, and what it refuses."""

import json
import struct

import numpy as np
import pytest

from keras_haframe.serving import KServeClient, ServingError
from tests.serving.hostile import Hostile, answer, drip

INPUTS = [
    {"name": "image_bytes", "datatype": "BYTES", "shape": [-1, 1]},
    {"name": "images", "datatype": "FP32", "shape": [-1, 2, 2]},
    {"name": "threshold", "datatype": "FP32", "shape": [-1, 1]},
    {"name": "allowed", "datatype": "BOOL", "shape": [-1, 3]},
]
METADATA = answer(json.dumps({"name": "m", "versions": ["3"], "inputs": INPUTS}).encode())


def outputs(*entries, data=b"", size=None, **more):
    """Act: an answer with these outputs and the bytes behind them."""
    head = json.dumps({"outputs": list(entries), **more}).encode()
    size = len(head) if size is None else size
    return answer(head + data, "200 OK", f"Inference-Header-Content-Length: {size}")


def entry(name="score", kind="FP32", shape=(1, 1), **more):
    return {"name": name, "datatype": kind, "shape": list(shape), **more}


def binary(count):
    return {"parameters": {"binary_data_size": count}}


FINE = outputs(
    entry(**binary(4)), entry("path", "BYTES", (1, 2), **binary(13)),
    entry("ok", "BOOL", **binary(1)),
    data=struct.pack("<f", np.nan) + b"\3\0\0\0jet\2\0\0\0\xc3\xa9" + b"\2",
)  # fmt: skip
ONE = {"image_bytes": [b"x\0"]}


def client(server, **options):
    return KServeClient(server.url, "m", **{"timeout": 10, "retries": 0} | options)


def sent(request: bytes) -> tuple[str, dict, bytes]:
    """Path, JSON and binary part of a request."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    size = int(lines[b"inference-header-content-length"])
    return head.split()[1].decode(), json.loads(body[:size]), body[size:]


def test_the_request_and_the_answer():
    with Hostile(METADATA, FINE) as server:
        inputs = ONE | {
            "threshold": np.array([0.5]),
            "images": np.ones((1, 2, 2), np.uint8),
            "allowed": [[True, False, True]],
        }
        found = client(server, version=3).predict(inputs, "decide_bytes")
        path, head, data = sent(server.seen[1])
    assert path == "/v2/models/m/versions/3/infer"
    assert server.seen[0].startswith(b"GET /v2/models/m/versions/3 ")
    assert head["parameters"] == {"binary_data_output": True, "signature": "decide_bytes"}
    assert [(t["name"], t["shape"], t["datatype"]) for t in head["inputs"]] == [
        ("image_bytes", [1, 1], "BYTES"), ("threshold", [1, 1], "FP32"),
        ("images", [1, 2, 2], "FP32"), ("allowed", [1, 3], "BOOL"),
    ]  # fmt: skip
    floats = np.array([0.5, 1, 1, 1, 1], np.float32).tobytes()
    assert data == b"\2\0\0\0x\0" + floats + b"\1\0\1"
    assert np.isnan(found["score"]).all() and found["score"].shape == (1,)
    assert found["path"].tolist() == [["jet", "é"]] and found["ok"].tolist() == [True]


def test_an_answer_in_json():
    data = {"score": (1, [0.5, 2]), "name": (1, ["a", "b"]), "wide": (2, [[1, 2], [3, 4]])}
    kinds = {"score": "FP32", "name": "BYTES", "wide": "INT64"}
    entries = [entry(k, kinds[k], (2, side), data=v) for k, (side, v) in data.items()]
    plain = answer(json.dumps({"outputs": entries}).encode())
    with Hostile(METADATA, plain) as server:
        found = client(server).predict({"image_bytes": [b"a", b"b"]})
        assert sent(server.seen[1])[1]["parameters"] == {"binary_data_output": True}
    assert found["score"].dtype == np.float32 and found["score"].tolist() == [0.5, 2]
    assert found["name"].tolist() == ["a", "b"] and found["wide"].tolist() == [[1, 2], [3, 4]]


MALFORMED = {
    "no outputs": answer(b"{}"),
    "no JSON": answer(b"<html>"),
    "header longer than the answer": outputs(entry(**binary(4)), data=bytes(4), size=10_000),
    "negative header": outputs(entry(**binary(4)), data=bytes(4), size=-5),
    "header that is no number": outputs(entry(**binary(4)), data=bytes(4), size="many"),
    "missing bytes": outputs(entry(**binary(4)), data=bytes(2)),
    "bytes left": outputs(entry(**binary(4)), data=bytes(6)),
    "negative size": outputs(entry(**binary(-4)), data=bytes(4)),
    "size of another type": outputs(entry(**binary("4")), data=bytes(4)),
    "neither data nor size": outputs(entry()),
    "shape of more": outputs(entry(shape=(1, 2**40), **binary(4)), data=bytes(4)),
    "negative shape": outputs(entry(shape=(-1, -1), **binary(4)), data=bytes(4)),
    "shape of text": outputs(entry(shape=("1",), **binary(4)), data=bytes(4)),
    "no whole number of values": outputs(entry(**binary(3)), data=bytes(3)),
    "unknown type": outputs(entry(kind="BF16", **binary(4)), data=bytes(4)),
    "type that is no text": outputs(entry(kind=["FP32"], **binary(4)), data=bytes(4)),
    "twice": outputs(entry(**binary(4)), entry(**binary(4)), data=bytes(8)),
    "two rows": outputs(entry(shape=(2, 1), **binary(8)), data=bytes(8)),
    "no row": outputs(entry(shape=(0, 1), **binary(0))),
    "a number": outputs(entry(shape=(), **binary(4)), data=bytes(4)),
    "text that ends late": outputs(entry(kind="BYTES", **binary(4)), data=b"\xff\xff\xff\xff"),
    "text without its length": outputs(entry(kind="BYTES", **binary(2)), data=b"\0\0"),
    "wide text": outputs(
        entry(kind="BYTES", shape=(1, 1001), **binary(2**20 + 4004)),
        data=(2**20).to_bytes(4, "little") + bytes(2**20) + bytes(4000),
    ),
    "text for numbers": outputs(entry(data=["a"])),
    "numbers for text": outputs(entry(kind="BYTES", data=[1])),
    "fractions for whole numbers": outputs(entry(kind="INT32", data=[0.5])),
    "a number too large": outputs(entry(kind="INT32", data=[2**40])),
    "null": outputs(entry(data=[None])),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_answers_are_serving_errors(name):
    with Hostile(METADATA, MALFORMED[name]) as server, client(server, retries=1) as found:
        with pytest.raises(ServingError) as caught:
            found.predict(ONE)
        assert caught.value.attempts == 1 and not caught.value.transient


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{}", b'{"inputs": 1}', b'{"inputs": [1]}', b'{"inputs": [{"name": 1}]}',
     b'{"inputs": [{"name": "a", "shape": 3, "datatype": "FP32"}]}'],
)  # fmt: skip
def test_malformed_metadata(body):
    with Hostile(answer(body)) as server, pytest.raises(ServingError):
        client(server).predict(ONE)


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"versions": 1}', b'{"versions": [{}]}'])
def test_malformed_versions(body):
    with Hostile(answer(body)) as server, pytest.raises(ServingError):
        client(server).status()


def test_status():
    metadata = answer(b'{"versions": ["3", "4"], "inputs": []}')
    with Hostile(metadata, answer(b""), answer(b"", "400 Bad Request")) as server:
        assert client(server).status() == {3: "AVAILABLE", 4: "UNAVAILABLE"}
        assert server.seen[1].startswith(b"GET /v2/models/m/versions/3/ready ")


def test_after_a_refusal_the_declaration_is_read_again():
    refused = answer(b'{"error": "unexpected shape"}', "400 Bad Request")
    with Hostile(METADATA, refused, METADATA, FINE) as server, client(server) as found:
        with pytest.raises(ServingError, match="unexpected shape"):
            found.predict(ONE)
        assert found.predict(ONE)["ok"].tolist() == [True]
        assert [request[:4] for request in server.seen] == [b"GET ", b"POST"] * 2


def test_it_is_as_hardened_as_the_rest_client():
    slow = drip(b"HTTP/1.1 200 OK\r\nX: ", b"x")
    with Hostile(METADATA, slow) as server, client(server, timeout=0.4) as found:
        with pytest.raises(ServingError, match="within 0.4 s"):
            found.predict(ONE)
    with Hostile(METADATA, answer(b"{}", "503 Busy"), FINE) as server:
        assert client(server, retries=1, backoff=0.01).predict(ONE)["ok"].tolist() == [True]


def test_types_without_a_name_are_not_sent():
    with Hostile(METADATA) as server, pytest.raises(ValueError, match="complex64"):
        client(server).predict({"images": np.zeros((1, 2, 2), np.complex64)})
