"""A server on the exported model: signatures, warm-up, bad images, a new version under load."""

import os
import shutil
import threading
import time

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.serving import GrpcClient, RestClient, ServingError
from tests.saving import tiny
from tests.saving.pictures import BAD, encode, rgb

pytest.importorskip(
    "tensorflow_serving",
    reason="needs the official protos: pip install --no-deps tensorflow-serving-api",
)
if keras.backend.backend() != "tensorflow":
    pytest.skip("SavedModels are written on TensorFlow", allow_module_level=True)

from tests.brute_force import softmax
from tests.serving.server import AVAILABLE, END, Server

TREE = kh.ClassTree.from_nested(
    {"land": ["car", "truck"], "air": ["jet", "glider"]}, root="vehicle", name="vehicles"
)
PICTURES = [rgb(16, 16, seed=i) for i in range(12)]
GOOD = [encode(p) for p in PICTURES]  # PNG of the model's size: decoded without any change


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Two versions of a model and the class probabilities of the pictures from Keras."""
    folder, expected = tmp_path_factory.mktemp("serving"), {}
    for version in (1, 2):
        model = tiny.model(TREE, seed=version)
        kh.export(model, folder / "vehicles", version, warmup_images=np.stack(PICTURES[:2]))
        scores = model.predict(np.stack(PICTURES).astype("float32"), verbose=0)
        expected[version] = softmax(scores)
    assert np.abs(expected[1] - expected[2]).max() > 0.05
    return folder / "vehicles", expected


@pytest.fixture(scope="module")
def server(exported, tmp_path_factory):
    base = tmp_path_factory.mktemp("served")
    shutil.copytree(exported[0] / "1", base / "1")
    with Server(base, "vehicles") as running:
        yield running


@pytest.fixture(params=["rest", "grpc"])
def client(request, server):
    if request.param == "rest":
        yield RestClient(server.url, "vehicles", timeout=30)
    else:
        with GrpcClient(server.grpc_address, "vehicles", timeout=30) as found:
            yield found


def test_the_warm_up_file_was_replayed_for_every_signature(server):
    assert server.warmed[1] == 9 * 2  # nine signatures, one image and two


def test_floats(client, exported):
    found = client.predict({"images": np.stack(PICTURES).astype("float32")})
    tiny_p = exported[1][1]
    np.testing.assert_allclose(found["probabilities"], tiny_p, atol=1e-5)
    assert found["class_name"].tolist() == [TREE.leaves[k] for k in tiny_p.argmax(1)]


def test_bytes_good_and_bad(client, exported):
    data = [GOOD[0], BAD["text"], GOOD[1], BAD["half a jpeg"]]
    found = client.predict({"image_bytes": data}, "serving_bytes")
    assert found["ok"].tolist() == [True, False, True, False]
    np.testing.assert_allclose(found["probabilities"][[0, 2]], exported[1][1][:2], atol=1e-5)
    assert np.isnan(np.asarray(found["score"], float)[[1, 3]]).all()
    assert found["class_name"].tolist()[1] == "" and found["error"].tolist()[3] == "damaged image"


def test_hierarchy(client, exported):
    floors = np.linspace(0.2, 0.9, 12).astype(np.float32)
    found = client.predict({"image_bytes": GOOD, "threshold": floors}, "hierarchical_bytes")
    expected = tiny.hierarchy_twin(exported[1][1], TREE, floors)
    assert found["ok"].all() and not "".join(found["error"].tolist())
    for key, value in expected.items():
        if value.dtype.kind == "U":
            assert found[key].tolist() == value.tolist(), key
        else:
            np.testing.assert_allclose(found[key], value, atol=1e-5, err_msg=key)


def test_decisions(client, exported):
    floors = np.linspace(0.2, 0.9, 12).astype(np.float32)
    allowed = np.random.default_rng(0).uniform(size=(12, 4)) > 0.5
    inputs = {"image_bytes": GOOD, "floor": floors, "allowed": allowed}
    found = client.predict(inputs, "decide_bytes")
    expected = kh.decide(exported[1][1].astype("float32"), TREE, floor=floors, allowed=allowed)
    assert found["node_name"].tolist() == expected.name
    assert found["reason"].tolist() == expected.reason


def test_classify(client, exported):
    rows = client.classify([GOOD[0], b"?"])
    p = exported[1][1][0]
    assert [name for name, _ in rows[0]] == [TREE.leaves[k] for k in np.argsort(-p)]
    np.testing.assert_allclose([s for _, s in rows[0]], np.sort(p)[::-1], atol=1e-5)
    assert [name for name, _ in rows[1]] == [""] * 4 and np.isnan([s for _, s in rows[1]]).all()


def test_refusals_have_a_reason(client):
    with pytest.raises(ServingError, match=r"signature key 'nothing' not found"):
        client.predict({"images": np.zeros((1, *tiny.SHAPE), np.float32)}, "nothing")
    with pytest.raises(ServingError, match="threshold") as caught:
        client.predict({"image_bytes": GOOD[:1]}, "hierarchical_bytes")
    assert caught.value.attempts == 1


def test_unknown_models_and_versions(server):
    for options in ({"model": "boats"}, {"model": "vehicles", "version": 9}):
        for client in (
            RestClient(server.url, **options),
            GrpcClient(server.grpc_address, **options),
        ):
            with pytest.raises(ServingError, match="not found"):
                client.predict({"images": np.zeros((1, *tiny.SHAPE), np.float32)})
    with GrpcClient(server.grpc_address, "vehicles") as client:
        assert client.status() == {1: "AVAILABLE"}
    assert RestClient(server.url, "vehicles").status() == {1: "AVAILABLE"}


CLIENTS, REQUESTS, BATCH = 8, 40, 4
AFTER, LONGEST = 5, 120.0  # requests of every client to the new version; seconds


class Load:
    """What the clients of a load test count together."""

    def __init__(self):
        self.counts = dict.fromkeys(("sent", "answered", "refused", "wrong", "lost"), 0)
        self.versions, self.lock, self.under_way = set(), threading.Lock(), threading.Event()

    def add(self, outcome: str, version: int | None) -> None:
        with self.lock:
            self.counts["sent"] += 1
            self.counts[outcome] += 1
            self.versions.update({version} - {None})


def work(load: Load, server, number: int, expected: dict) -> None:
    """One client: at least REQUESTS requests, and AFTER of them to version 2."""
    rng, deadline, after = np.random.default_rng(number), time.time() + LONGEST, 0
    kind, address = (RestClient, server.url) if number % 2 else (GrpcClient, server.grpc_address)
    client = kind(address, "vehicles", timeout=60)
    i = 0
    while (i < REQUESTS or after < AFTER) and time.time() < deadline:
        i, after = i + 1, after + (server.states.get(2) == AVAILABLE)
        if i > REQUESTS // 3:
            load.under_way.set()
        rows = rng.integers(0, len(GOOD), BATCH)
        bad = rng.random(BATCH) < 0.25
        data = [BAD["half a png"] if b else GOOD[r] for r, b in zip(rows, bad)]
        inputs = {"image_bytes": data, "threshold": np.full(BATCH, 0.5, np.float32)}
        malformed = i % 10 == 0
        if malformed:
            del inputs["threshold"]
        try:
            load.add(*_judge(client.predict(inputs, "hierarchical_bytes"), rows, bad, expected))
        except ServingError as error:
            load.add("refused" if malformed and not error.transient else "lost", None)


@pytest.mark.slow
def test_load_with_a_new_version_loses_nothing(exported, tmp_path, record_property):
    """Every request is answered rightly by one of the versions, or refused for its own fault."""
    base, expected = exported
    shutil.copytree(base / "1", tmp_path / "vehicles" / "1")
    load = Load()
    with Server(tmp_path / "vehicles", "vehicles") as server:
        threads = [
            threading.Thread(target=work, args=(load, server, n, expected)) for n in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        assert load.under_way.wait(LONGEST)
        shutil.copytree(base / "2", tmp_path / "vehicles" / ".2.partial")
        os.rename(tmp_path / "vehicles" / ".2.partial", tmp_path / "vehicles" / "2")
        for thread in threads:
            thread.join(2 * LONGEST)
        deadline = time.time() + 30
        while server.states != {1: END, 2: AVAILABLE} and time.time() < deadline:
            time.sleep(0.05)
        assert server.states == {1: END, 2: AVAILABLE}
    counts = load.counts
    print("load test:", counts)
    for key, value in counts.items():
        record_property(key, value)
    assert load.versions == {1, 2}
    assert counts["lost"] == counts["wrong"] == 0
    assert counts["sent"] >= CLIENTS * REQUESTS and counts["refused"] >= CLIENTS * REQUESTS // 10
    assert counts["sent"] == counts["answered"] + counts["refused"]


def _judge(found, rows, bad, expected):
    """ "answered" if every row is right for one version, and which version that is."""
    if found["ok"].tolist() != (~bad).tolist():
        return "wrong", None
    scores = np.asarray(found["score"], float)
    if not np.isnan(scores[bad]).all():
        return "wrong", None
    for version, p in expected.items():
        if np.allclose(scores[~bad], p[rows[~bad]].max(1), atol=1e-5):
            return "answered", version if (~bad).any() else None
    return "wrong", None
