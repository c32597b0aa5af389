import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from tests.methods.contract import MethodContract
from tests.networks import backbone, data


class TestHierCos(MethodContract):
    method = "hier_cos"
    learning_rate = 0.2
    epochs = 40


@pytest.mark.slow
class TestTypeOne(MethodContract):
    method = "hier_cos"
    options = {"alpha": 0.05, "seed": 4}
    network = {"network": "I", "hidden_units": 24}
    epochs = 40


def test_features_have_one_dimension_per_node(uneven_tree):
    model = kh.build(backbone(), uneven_tree, "hier_cos", network="II")
    images, _ = data(uneven_tree, 1)
    assert model.features(images).shape[1] == uneven_tree.num_nodes - 1
    assert model.output["nodes"].shape == (None, uneven_tree.num_nodes - 1)


@pytest.mark.slow
def test_rotation_is_orthogonal_frozen_and_seeded(tree):
    kernels = []
    for seed in (0, 0, 1):
        model = kh.build(backbone(), tree, "hier_cos", seed=seed)
        layer = model.get_layer("rotation")
        assert not layer.trainable_variables
        kernels.append(np.array(layer.get_weights()[0]))
    np.testing.assert_allclose(kernels[0].T @ kernels[0], np.eye(6), atol=1e-5)
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert np.abs(kernels[0] - kernels[2]).max() > 0.1
    images, labels = data(tree, 2)
    model.fit(images, labels, batch_size=4, verbose=0)
    np.testing.assert_array_equal(layer.get_weights()[0], kernels[2])


def test_scores_are_lengths_on_the_path(tree):
    model = kh.build(backbone(), tree, "hier_cos")
    images, _ = data(tree, 2)
    outputs = model(images, training=False)
    nodes = ops.convert_to_numpy(outputs["nodes"]).astype("float64")
    scores = model.predict(images, verbose=0)
    for k, leaf in enumerate(tree.leaves):
        axes = [tree.index(name) for name in tree.path(leaf)[1:]]
        expected = np.sqrt((nodes[:, axes] ** 2).sum(axis=1))
        np.testing.assert_allclose(scores[:, k], expected, rtol=1e-4, atol=1e-6)


def test_errors(tree):
    with pytest.raises(ValueError, match="alpha"):
        kh.methods.get("hier_cos", tree, alpha=-1)
    with pytest.raises(ValueError, match=r"at least 6 dimensions.*hidden_units=6"):
        kh.build(backbone(), tree, "hier_cos", network="I", hidden_units=5)
