import keras
import numpy as np
import pytest

import keras_haframe as kh
from tests.methods.contract import MethodContract, check_linear_scores
from tests.networks import backbone, data


class TestHierarchicalCrossEntropy(MethodContract):
    method = "hierarchical_cross_entropy"


@pytest.mark.slow
def test_alpha_zero_trains_like_cross_entropy(tree):
    images, labels = data(tree, 4)
    scores = []
    for method, options in [
        ("cross_entropy", {}),
        ("hierarchical_cross_entropy", {"alpha": 0.0}),
    ]:
        keras.utils.set_random_seed(0)
        model = kh.build(backbone(), tree, method, hidden_units=12, **options)
        model.fit(images, labels, batch_size=8, epochs=2, shuffle=False, verbose=0)
        scores.append(model.predict(images, verbose=0))
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-3, atol=1e-4)


def test_loss_gets_the_options(tree):
    loss = kh.build(backbone(), tree, "hierarchical_cross_entropy", alpha=0.3, normalize=True).loss
    assert loss.alpha == 0.3 and loss.normalize is True


def test_classifier_fits_the_features(tree):
    model = kh.build(backbone(), tree, "hierarchical_cross_entropy", hidden_units=24)
    check_linear_scores(model, tree)


def test_errors(tree):
    with pytest.raises(ValueError, match=r"`alpha` must be a number in \[0, inf\)"):
        kh.methods.get("hierarchical_cross_entropy", tree, alpha=-0.1)
