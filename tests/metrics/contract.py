"""What every tree metric keeps, whatever it measures; called by the tests of each."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.losses import CrossEntropy


def state(metric):
    return [ops.convert_to_numpy(v).item() for v in metric.variables]


def check_round_trip(metric):
    """Through JSON to an equal metric, that then measures the same."""
    config = json.loads(json.dumps(keras.metrics.serialize(metric)))
    again = keras.metrics.deserialize(config)
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()
    assert again.name == metric.name
    assert again.dtype == metric.dtype
    rng = np.random.default_rng(0)
    k = metric.tree.num_classes
    labels, scores = rng.integers(0, k, 20), rng.normal(size=(20, k))
    for m in (metric, again):
        m.reset_state()
        m.update_state(labels, scores)
    assert state(again) == state(metric)


def check_batches(metric, twin):
    """One pass in uneven batches, empty and single ones among them, equals `twin` on all of it."""
    rng = np.random.default_rng(1)
    k = metric.tree.num_classes
    labels, scores = rng.integers(0, k, 40), rng.normal(size=(40, k)).astype("float32")
    for begin, end in ((0, 1), (1, 1), (1, 30), (30, 40), (40, 40)):
        metric.update_state(labels[begin:end], scores[begin:end])
    np.testing.assert_allclose(float(metric.result()), twin(labels, scores), rtol=1e-5)
    metric.reset_state()
    assert state(metric) == [0.0, 0.0]


def check_in_a_model(metric, twin):
    """Through `compile` and `evaluate`, where Keras compiles the update."""
    rng = np.random.default_rng(2)
    k = metric.tree.num_classes
    labels, scores = rng.integers(0, k, 23), rng.normal(size=(23, k)).astype("float32")
    model = keras.Sequential([keras.Input((k,)), keras.layers.Identity()])
    model.compile(loss=CrossEntropy(), metrics=[metric])
    found = model.evaluate(scores, labels, batch_size=8, verbose=0, return_dict=True)
    np.testing.assert_allclose(found[metric.name], twin(labels, scores), rtol=1e-5)


def check_saved_model(metric, twin, path):
    """Comes back with a compiled model in safe mode."""
    k = metric.tree.num_classes
    model = keras.Sequential([keras.Input((k,)), keras.layers.Dense(k)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=[metric], jit_compile=False)
    rng = np.random.default_rng(3)
    labels, x = rng.integers(0, k, 16), rng.normal(size=(16, k)).astype("float32")
    model.fit(x, labels, verbose=0)
    model.save(path / "m.keras")
    again = keras.saving.load_model(path / "m.keras", safe_mode=True)
    found = again.evaluate(x, labels, verbose=0, return_dict=True)[metric.name]
    np.testing.assert_allclose(found, twin(labels, ops.convert_to_numpy(model(x))), rtol=1e-5)


def check_label_shapes(update, k):
    """`update(labels, scores)` refuses column and one-hot labels and scores of other widths."""
    with pytest.raises(ValueError, match=r"\(3, 1\). Drop the last axis"):
        update(np.zeros((3, 1), "int32"), np.zeros((3, k)))
    with pytest.raises(ValueError, match=r"one-hot: use `numpy\.argmax"):
        update(np.eye(k)[:3], np.zeros((3, k)))
    with pytest.raises(ValueError, match=rf"Scores must have shape \[batch, {k}\]"):
        update(np.zeros(3, "int32"), np.zeros((3, k + 1)))


def half_precision_example(dtype):
    """Labels above 256 and scores in half precision: right, near miss (300), far miss (0)."""
    keras.config.set_dtype_policy(f"mixed_{dtype}")
    labels, best = np.array([257, 301, 399, 301]), np.array([257, 301, 0, 300])
    scores = np.zeros((4, 400), "float32")
    scores[np.arange(4), best] = 1.0
    return labels, best, ops.cast(scores, dtype)
