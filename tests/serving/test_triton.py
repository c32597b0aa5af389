"""NVIDIA's stock Triton on an exported model: answers, refusals, a small load test.

Runs where KERAS_HAFRAME_TRITON names the Python of an environment that holds the server
(benchmarks/triton_server.py tells how to make one).
"""

import importlib.util
import os
import pathlib
import sys

import keras
import numpy as np
import pytest

from keras_haframe.cli import client as command
from keras_haframe.cli import predict
from keras_haframe.saving import export_file, write_triton_repository
from keras_haframe.serving import KServeClient, ServingError

VARIABLE = "KERAS_HAFRAME_TRITON"
if VARIABLE not in os.environ:
    pytest.skip(f"needs Triton: set {VARIABLE}", allow_module_level=True)
if keras.backend.backend() != "tensorflow":
    pytest.skip("SavedModels are written on TensorFlow", allow_module_level=True)

BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
import load  # noqa: E402
import triton_server  # noqa: E402

sys.path.remove(str(BENCHMARKS))
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load.Model(tmp_path_factory.mktemp("triton"))


@pytest.fixture(scope="module")
def server(model):
    """With the same network as an ONNX file, too, where it can be written."""
    if importlib.util.find_spec("tf2onnx"):
        file = export_file(model.network, model.repository.with_name("as_onnx"), "onnx")
        write_triton_repository(file, model.repository)
    with triton_server.Triton(model.repository) as running:
        yield running


def test_every_signature_answers_as_without_a_server(model, server, tmp_path):
    """`haframe client --kserve` gives the rows of `haframe predict`, with an allow-list, too."""
    files = [tmp_path / f"{i}.png" for i in range(3)]
    for file, data in zip(files, model.encoded):
        file.write_bytes(data)
    (tmp_path / "3.png").write_bytes(b"no image")
    files.append(tmp_path / "3.png")
    saved = model.repository / "tiny" / "1" / "model.savedmodel"
    with command.connect(server.url, "tiny", kserve=True) as client:
        assert client.status() == {1: "AVAILABLE"}
        for names in (None, ["class00", "group2"]):
            mask = command.rows.allow_list(names, saved / "assets" / "tree.json")
            found = command.predict_files(client, files, 0.3, 2, mask)
            expected = predict.predict_files(saved, files, 0.3, allowed=names)
            for a, b in zip(found, expected, strict=True):
                assert a["ok"] == b["ok"] and a.get("class") == b.get("class")
                assert a.get("reason") == b.get("reason") and a.get("error") == b.get("error")
        image = np.zeros((2, load.SIDE, load.SIDE, 3))
        assert client.predict({"images": image}, "features")["features"].shape[0] == 2
        assert client.predict({"images": image})["probabilities"].shape == (2, 12)
    with pytest.raises(ServingError, match="unknown model"):
        KServeClient(server.url, "other").predict({"images": image})


def test_an_onnx_file(model, server):
    pytest.importorskip("tf2onnx")
    with KServeClient(server.url, "as_onnx") as client:
        found = client.predict({"images": model.images[:32]})
        np.testing.assert_allclose(found["probabilities"], model.probabilities[:32], atol=1e-5)
        with pytest.raises(ServingError, match="unexpected inference input 'image_bytes'"):
            client.predict({"image_bytes": model.encoded[:1]})


def test_no_request_is_lost(model, server):
    counts, _ = load.run(server.url, model, requests=400, threads=4)
    totals = {
        o: sum(n for (_, k), n in counts.items() if k == o) for o in ("sent", "wrong", "lost")
    }
    assert totals == {"sent": 400, "wrong": 0, "lost": 0}
    for kind, (_, reason) in load.KINDS.items():
        assert counts[kind, "refused" if reason else "answered"] == counts[kind, "sent"] > 0
