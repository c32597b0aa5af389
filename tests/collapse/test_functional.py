import numpy as np
import pytest

from keras_haframe.collapse import NeuralCollapse, class_means, neural_collapse
from tests.collapse import twins


def test_equals_the_loops_and_the_stream():
    rng = np.random.default_rng(0)
    features, labels = twins.draw(rng, 6, 4, 90)
    rows, bias, frame = rng.standard_normal((6, 4)), rng.standard_normal(6), np.eye(6) + 0.2
    options = {"target": frame @ frame.T, "mean": "sample", "centered": False}
    found = neural_collapse(features, labels, classifier=rows, bias=bias, **options)
    expected = twins.collapse(features, labels, 6, rows, bias, **options)
    assert found == pytest.approx(expected, rel=1e-8)
    nc = NeuralCollapse(6, 4, **options)
    nc.update(features, labels)
    assert found == pytest.approx(nc.result(rows, bias), rel=1e-12)


def test_number_of_classes():
    features, labels = np.random.default_rng(1).standard_normal((6, 3)), [0, 1, 0, 1, 1, 0]
    base = neural_collapse(features, labels)
    assert "nc3" not in base and "nc4" not in base
    for options in ({"num_classes": 5}, {"classifier": np.ones((5, 3))}, {"target": np.eye(5)}):
        found = neural_collapse(features, labels, **options)
        assert found["nc1"] == pytest.approx(base["nc1"])
    with pytest.raises(ValueError, match="from 0 to 0"):
        neural_collapse(features, labels, num_classes=1)
    with pytest.raises(ValueError, match=r"shape \[4, 3\]"):
        neural_collapse(features, labels, num_classes=4, classifier=np.ones((5, 3)))


def test_class_means():
    features, labels = twins.draw(np.random.default_rng(2), 5, 3, 40)
    means, counts = class_means(features, labels, num_classes=7)
    expected = twins.moments(features, labels, 7)
    np.testing.assert_allclose(means, expected[1], atol=1e-14)
    np.testing.assert_array_equal(counts, expected[0])
    assert class_means(features, labels)[0].shape == (5, 3)


def test_errors():
    with pytest.raises(ValueError, match=r"must be \[n, d\]. Received shape: \(3,\)"):
        neural_collapse(np.zeros(3), [0, 1, 2])
    with pytest.raises(ValueError, match="`num_classes` must be given"):
        class_means(np.zeros((0, 3)), [])
    with pytest.raises(ValueError, match="one-hot"):
        neural_collapse(np.zeros((2, 3)), np.eye(2))
    with pytest.raises(ValueError, match="integer class indices"):
        neural_collapse(np.zeros((2, 3)), [0.0, 1.0])
    with pytest.raises(ValueError, match="Received label -1"):
        neural_collapse(np.zeros((2, 3)), [-1, -1])
    with pytest.raises(ValueError, match="No samples"):
        neural_collapse(np.zeros((0, 3)), [], num_classes=2)
