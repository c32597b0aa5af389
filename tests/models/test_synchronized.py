"""`synchronized` of `build()` reaches every batch normalization of neck and head, and is kept.

That it makes two replicas equal to one: tests/training/test_optimizer.py.
"""

import keras
import numpy as np
import pytest

import keras_haframe as kh
from tests.networks import normalized


def settings(model):
    """`synchronized` of the batch normalizations by path, the backbone's own apart."""
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    (own,) = (layer for layer in norms if layer.name == "own")
    assert not own.synchronized  # the user's business
    found = {layer.path: layer.synchronized for layer in norms if layer is not own}
    assert len(found) == len(norms) - 1
    return found


def last(paths):
    return {path.split("/")[-1] for path in paths}


BACKEND = keras.backend.backend()
tensorflow = pytest.mark.skipif(BACKEND != "tensorflow", reason="looks at TensorFlow's layers")


@pytest.mark.skipif(BACKEND != "torch", reason="trains on several devices")
def test_pytorch_refuses(tree):
    with pytest.raises(ValueError, match="PyTorch trains on one"):
        kh.build(normalized(), tree, synchronized=True)


@pytest.mark.skipif(BACKEND != "jax", reason="JAX synchronizes by itself")
def test_jax_takes_it_and_keeps_it_for_tensorflow(tree):
    model = kh.build(kh.models.wide_resnet(depth=10, width=1, synchronized=True), tree,
                     network="II", synchronized=True)  # fmt: skip
    norm = model.get_layer("transformation").norm
    assert not norm.synchronized and norm.get_config()["synchronized"] is True
    again = type(norm).from_config(norm.get_config())
    assert again.get_config() == norm.get_config()


@tensorflow
@pytest.mark.parametrize(
    "method",
    [pytest.param(m, marks=[] if m == "haframe" else pytest.mark.slow) for m in kh.methods.names()],
)
def test_reaches_every_normalization(tree, method):
    for network, names in (("I", {"norm_in", "norm_out"}), ("II", {"norm", "norm1", "norm2"})):
        found = settings(kh.build(normalized(), tree, method, network=network, synchronized=True))
        assert names <= last(found) <= names | {"head_norm"}
        assert len(found) >= (2 if network == "I" else 5) and all(found.values())
        found = settings(kh.build(normalized(), tree, method, network=network))
        assert not any(found.values())


def test_methods_with_a_normalization_of_their_own(tree):
    with_norm = {
        name
        for name in kh.methods.names()
        if "head_norm" in last(settings(kh.build(normalized(), tree, name)))
    }
    assert with_norm == {"devise", "etf_dr", "label_embeddings"}


@pytest.mark.slow
@tensorflow
@pytest.mark.parametrize("synchronized", [False, True])
def test_configuration_round_trip(tree, tmp_path, synchronized):
    model = kh.build(normalized(), tree, "label_embeddings", synchronized=synchronized)
    assert model.get_config()["synchronized"] is synchronized
    assert "synchronized" not in model.method.options()  # an option of the network
    again = type(model).from_config(model.get_config())
    assert settings(again) == settings(model) and set(settings(model).values()) == {synchronized}
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    assert settings(loaded) == settings(model)
    x = np.ones((2, 6, 6, 3), "float32")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


@tensorflow
def test_one_model_leaves_the_next_alone(tree):
    kh.build(normalized(), tree, "etf_dr", synchronized=True)
    assert not any(settings(kh.build(normalized(), tree, "etf_dr")).values())
