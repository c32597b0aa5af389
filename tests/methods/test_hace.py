import keras
import numpy as np
import pytest

import keras_haframe as kh
from tests.methods.contract import MethodContract
from tests.networks import backbone, data


class TestHACE(MethodContract):
    method = "hace"


def test_scores_are_the_logits_of_the_classes(uneven_tree):
    model = kh.build(backbone(), uneven_tree, "hace", decay=0.2)
    images, _ = data(uneven_tree, 1)
    nodes = keras.Model.predict(model, images, verbose=0)["node_logits"]
    assert nodes.shape == (len(images), uneven_tree.num_nodes)
    np.testing.assert_array_equal(model.predict(images, verbose=0), nodes[:, :7])
    assert model.loss.decay == 0.2 and model.classifier_weights() is None


def test_errors(tree):
    with pytest.raises(ValueError, match="`decay` must be above 0"):
        kh.methods.get("hace", tree, decay=0)
