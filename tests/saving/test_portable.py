"""ONNX and LiteRT files: what is in them, and what they refuse (ONNX: test_onnx)."""

import importlib.util

import keras
import numpy as np
import pytest

from keras_haframe.saving import portable, read_facts
from tests.brute_force import softmax
from tests.saving import tiny

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the exporters run on TensorFlow"
)


def test_litert_wants_a_newer_keras(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(keras, "__version__", "3.12.4")
    with pytest.raises(RuntimeError, match=r"Keras 3.15.1 or newer.*Received: Keras 3.12.4"):
        portable.export_file(tiny.model(tree), tmp_path / "model", "litert")


@pytest.mark.slow
@pytest.mark.skipif(keras.__version__.startswith("3.12."), reason="Keras 3.12 writes no LiteRT")
@pytest.mark.filterwarnings("ignore")
def test_litert_agrees_with_keras(tree, tmp_path):
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError:
        import tensorflow as tf

        Interpreter = tf.lite.Interpreter

    model, images = tiny.model(tree), tiny.images()
    path = portable.export_file(model, tmp_path / "sub" / "model", "litert")
    assert path == tmp_path / "sub" / "model.tflite"
    interpreter = Interpreter(str(path))
    given, found = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    assert given["shape_signature"].tolist() == [-1, *tiny.SHAPE]
    interpreter.resize_tensor_input(given["index"], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], images)
    interpreter.invoke()
    p = softmax(model.predict(images, verbose=0))
    np.testing.assert_allclose(interpreter.get_tensor(found["index"]), p, rtol=0, atol=1e-5)
    assert read_facts(path).tree == tree and read_facts(path).facts["method"] == "haframe"
    with pytest.raises(ValueError, match="prepared outside"):
        portable.export_file(model, tmp_path / "m", "litert", prepare=True)


def test_other_formats_and_missing_packages_are_named(tree, tmp_path, monkeypatch):
    model = tiny.model(tree)
    with pytest.raises(ValueError, match=r"one of \('onnx', 'litert'\).*'coreml'"):
        portable.export_file(model, tmp_path / "m", "coreml")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install onnx tf2onnx"):
        portable.export_file(model, tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_other_backends_are_refused_with_a_way_out(tree, tmp_path, monkeypatch):
    model = tiny.model(tree)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match=r"model\.keras.*Received backend: jax"):
        portable.export_file(model, tmp_path / "m", "litert")
