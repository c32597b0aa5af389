import numpy as np
import pytest

import keras_haframe as kh
from tests.methods.contract import MethodContract
from tests.networks import backbone, data


class TestHAFrame(MethodContract):
    method = "haframe"
    network = {}
    repeated = ()


@pytest.mark.slow
class TestStructured(MethodContract):
    method = "haframe"
    options = {"frame": "structured", "alpha": 0.3}
    network = {}


@pytest.mark.slow
class TestLowRank(MethodContract):
    method = "haframe"
    options = {"frame": "low_rank"}
    network = {"bottleneck": 16}


def test_classifier_is_the_frame_and_stays(tree):
    model = kh.build(backbone(), tree, gamma=1.5)
    images, labels = data(tree, 4)
    before, bias = model.classifier_weights()
    model.fit(images, labels, batch_size=8, epochs=2, verbose=0)
    after, _ = model.classifier_weights()
    np.testing.assert_array_equal(after, before)
    assert bias is None
    s_min = kh.frames.min_similarity(tree, 1.5, "grid")
    target = kh.frames.similarity(tree.distances(), 1.5, s_min)
    np.testing.assert_allclose(after @ after.T, target, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "culprit"),
    [({"gamma": 0}, "gamma"), ({"alpha": -0.1}, "alpha"), ({"alpha": "upwards"}, "alpha")],
)
def test_bad_options_are_refused_before_training(tree, options, culprit):
    with pytest.raises(ValueError, match=culprit):
        kh.build(backbone(), tree, **options)
