import json

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.layers import EmbeddingClassifier
from keras_haframe.methods.label_embeddings import tree_embeddings
from tests.methods.contract import MethodContract
from tests.networks import backbone, data

VECTORS = np.random.default_rng(20).standard_normal((4, 3))


class TestDeViSE(MethodContract):
    """Without vectors: those of the tree."""

    method = "devise"
    options = {"width": 16}


@pytest.mark.slow
class TestWithVectors(MethodContract):
    method = "devise"
    options = {"width": 16, "vectors": VECTORS, "margin": 0.2}
    network = {"network": "II"}
    epochs = 40

    def test_scores_on_every_tree(self, tree):
        pass  # the vectors are those of the worked tree


def test_scores_are_cosines_to_the_vectors(tree):
    model = kh.build(backbone(), tree, "devise", vectors=7.0 * VECTORS, width=8, hidden_units=24)
    images, _ = data(tree, 2)
    u = model.features(images).astype("float64")
    unit = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    rows, _ = model.classifier_weights()
    np.testing.assert_allclose(rows, unit, atol=1e-6)
    cosines = u @ unit.T / np.linalg.norm(u, axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(images, verbose=0), cosines, atol=1e-5)


def test_without_vectors_the_tree_gives_them(tree):
    model = kh.build(backbone(), tree, "devise", width=8, hidden_units=24)
    np.testing.assert_allclose(model.classifier_weights()[0], tree_embeddings(tree), atol=1e-6)


def test_config_holds_the_shape_and_the_file_the_vectors(tree, tmp_path):
    model = kh.build(backbone(), tree, "devise", vectors=VECTORS, width=8, hidden_units=24)
    config = model.get_config()
    assert config["vectors"] == [4, 3]
    json.dumps({k: v for k, v in config.items() if k != "backbone"})
    rebuilt = type(model).from_config(config)
    images, _ = data(tree, 1)
    assert np.isnan(rebuilt.predict(images, verbose=0)).all()  # loud until weights arrive
    rebuilt.set_weights(model.get_weights())
    np.testing.assert_array_equal(
        rebuilt.predict(images, verbose=0), model.predict(images, verbose=0)
    )
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    loaded.save(tmp_path / "again.keras")
    again = keras.models.load_model(tmp_path / "again.keras")
    np.testing.assert_array_equal(
        again.predict(images, verbose=0), model.predict(images, verbose=0)
    )


def test_nested_lists_and_one_dimension_are_taken(tree):
    method = kh.methods.get("devise", tree, vectors=[[1.0], [2.0], [-1.0], [-5.0]])
    np.testing.assert_array_equal(method.vectors, [[1], [1], [-1], [-1]])


def test_layer_alone():
    layer = EmbeddingClassifier([[3.0, 4.0], [0.0, 2.0]])
    x = ops.convert_to_tensor([[1.0, 1.0], [0.0, 0.0]])
    outputs = {k: ops.convert_to_numpy(v) for k, v in layer(x).items()}
    np.testing.assert_allclose(outputs["logits"], [[1.4, 1.0], [0, 0]], rtol=1e-6)
    np.testing.assert_allclose(outputs["cosines"], [[1.4 / 2**0.5, 2**-0.5], [0, 0]], rtol=1e-6)
    assert not layer.trainable_variables
    rebuilt = EmbeddingClassifier.from_config(layer.get_config())
    rebuilt.build((None, 2))
    rebuilt.set_weights(layer.get_weights())
    np.testing.assert_array_equal(ops.convert_to_numpy(rebuilt(x)["logits"]), outputs["logits"])


def test_errors(tree):
    def get(**options):
        return kh.methods.get("devise", tree, **options)

    with pytest.raises(ValueError, match=r"one row per class, 4\. Received: 3"):
        get(vectors=VECTORS[:3])
    with pytest.raises(ValueError, match=r"shape \[K, d\]"):
        get(vectors=VECTORS[0])
    with pytest.raises(ValueError, match=r"shape \[K, d\]"):
        get(vectors="word2vec.bin")
    with pytest.raises(ValueError, match="Class 2 has a vector that is zero"):
        get(vectors=VECTORS * [[1], [1], [0], [1]])
    with pytest.raises(ValueError, match="Class 0 has a vector"):
        get(vectors=VECTORS + [[np.inf, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
    with pytest.raises(ValueError, match="margin"):
        get(margin=0)
    with pytest.raises(ValueError, match="width"):
        get(width=0)
    with pytest.raises(ValueError, match="3 dimensions"):
        EmbeddingClassifier(VECTORS)(ops.ones((1, 5)))
