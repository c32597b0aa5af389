"""Arrays that compiled steps share: the same numbers, not in the graph, gone with their array."""

import gc

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.tree_ops import held as module
from keras_haframe.tree_ops.held import held
from tests.trees import random_tree

tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="for its graphs")


@pytest.fixture
def everything(monkeypatch):
    monkeypatch.setattr(module, "LARGE", 0)


def test_values_and_types(everything):
    array = np.arange(6.0).reshape(2, 3)
    for dtype in (None, "float32", "int32"):
        found = keras.ops.convert_to_numpy(held(array, dtype))
        np.testing.assert_array_equal(found, array.astype(dtype or found.dtype))


@tensorflow
def test_one_tensor_as_long_as_the_array(everything):
    import tensorflow as tf

    def use():
        array = np.arange(1000)  # TensorFlow writes the smallest ones anyway
        graph = tf.function(lambda x: x + held(array)).get_concrete_function(
            tf.constant(1, tf.int64)
        )
        assert graph(tf.constant(1, tf.int64)).numpy().tolist() == list(range(1, 1001))
        assert held(array) is held(array) and len(module._HELD) == before + 1
        large = [n for n in graph.graph.as_graph_def().node if n.ByteSize() > 4000]
        assert not large

    before = len(module._HELD)
    use()
    gc.collect()
    assert len(module._HELD) == before


@pytest.mark.slow
@tensorflow
@pytest.mark.parametrize(
    "options",
    [{"frame": "structured"}, {"frame": "low_rank"}, {"frame": "low_rank", "class_block": 9}],
)
def test_a_model_trains_and_is_saved_and_served(everything, options, tmp_path, monkeypatch):
    import tensorflow as tf

    tree, rng = random_tree(np.random.default_rng(0), 40), np.random.default_rng(1)
    x, y = rng.normal(size=(32, 16)).astype("float32"), rng.integers(0, 40, 32)

    def train():
        keras.utils.set_random_seed(0)
        inputs = keras.Input((16,))
        backbone = keras.Model(inputs, keras.layers.Identity()(inputs))
        model = kh.build(backbone, tree, bottleneck=8, **options)
        model.fit(x, y, batch_size=16, shuffle=False, verbose=0)
        return model

    model = train()
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)
    served = tf.saved_model.load(str(kh.export(model, tmp_path / "served"))).signatures
    p = served["serving_default"](images=tf.constant(x))["probabilities"]
    np.testing.assert_allclose(p, model.predict_proba(x, verbose=0), atol=1e-6)
    monkeypatch.undo()
    usual = train()
    np.testing.assert_allclose(usual.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-5)
