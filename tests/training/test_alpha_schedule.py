"""Schedules of alpha: the numbers, and the callback that sets them."""

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.losses import CrossEntropy, FrameCosineLoss
from keras_haframe.training import AlphaSchedule, alpha_schedule
from keras_haframe.training.schedules import SCHEDULES


@pytest.mark.parametrize("name", SCHEDULES)
def test_golden_schedules(golden, name):
    """(beta, alpha) for epochs 0 to 99 of 100, period 20."""
    expected = golden("golden/haframe_loss.npz")[f"schedule__{name.replace('_', '-')}"]
    found = [alpha_schedule(name, epoch, 100, 20) for epoch in range(100)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_by_hand(name):
    """Quarter of 40 epochs, half a period of 20: the wave is at its top."""
    expected = {
        "linear_decrease": 0.75, "linear_increase": 0.25, "cosine": 1.0,
        "cosine_linear_increase": 0.25, "cosine_linear_decrease": 0.75,
    }[name]  # fmt: skip
    beta, alpha = alpha_schedule(name, 10, 40, 20)
    np.testing.assert_allclose((beta, alpha), (1 - expected, expected), atol=1e-12)


def test_unknown_schedule():
    with pytest.raises(ValueError, match=r"Unknown alpha schedule 'sawtooth'\. Choose one of"):
        alpha_schedule("sawtooth", 0, 10)
    with pytest.raises(ValueError, match="Unknown alpha schedule 'sawtooth'"):
        AlphaSchedule("sawtooth", epochs=10)


@pytest.mark.parametrize("epochs", [None, 0, True])
def test_schedule_needs_epochs(epochs):
    with pytest.raises(ValueError, match=rf"`epochs` must be a positive integer.*epochs={epochs}"):
        AlphaSchedule("cosine", epochs)


def still_model(tree, **options):
    """A model whose weights do not move in training, its data, and what its two losses are."""
    images = keras.Input((6, 6, 3))
    net = keras.Model(images, keras.layers.Conv2D(4, 3)(images), name="tiny")
    model = kh.build(net, tree, **options)
    model.compile(keras.optimizers.SGD(0.0))
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    x = np.random.default_rng(0).normal(size=(24, 6, 6, 3)).astype("float32")
    y = np.arange(24) % tree.num_classes
    outputs = model(x, training=False)
    ce = float(CrossEntropy()(y, outputs))
    cosine = float(FrameCosineLoss(tree, 1.0)(y, outputs))
    return model, x, y, ce, cosine


def test_loss_follows_the_epoch(tree):
    """With alpha = e/3 and weights held still, the loss moves from cross-entropy to cosine."""
    model, x, y, ce, cosine = still_model(tree)
    plain = model.fit(x, y, batch_size=24, verbose=0).history["loss"]  # a step without a schedule
    np.testing.assert_allclose(plain, [(ce + cosine) / 2], rtol=1e-4)
    schedule = AlphaSchedule("linear_increase", epochs=3)
    losses = model.fit(x, y, epochs=3, batch_size=24, verbose=0, callbacks=[schedule]).history
    expected = [ce + (cosine - ce) * e / 3 for e in range(3)]
    np.testing.assert_allclose(losses["loss"], expected, rtol=1e-4)
    # What was set last stays, in evaluation too; a run that is taken up goes on where it was.
    loss = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(expected[-1], rel=1e-4)
    again = model.fit(
        x, y, initial_epoch=1, epochs=2, batch_size=24, verbose=0,
        callbacks=[AlphaSchedule("linear_increase", epochs=3)],
    ).history["loss"]  # fmt: skip
    np.testing.assert_allclose(again, expected[1:2], rtol=1e-4)


def test_saved_model_has_its_own_alpha(tree, tmp_path):
    model, x, y, ce, cosine = still_model(tree, alpha=0.25)
    model.fit(x, y, epochs=2, verbose=0, callbacks=[AlphaSchedule("linear_decrease", epochs=2)])
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    assert again.method.options()["alpha"] == 0.25
    loss = again.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(0.75 * ce + 0.25 * cosine, rel=1e-4)


def test_no_schedule_no_variable(tree):
    names = {v.path.split("/")[-1] for v in still_model(tree)[0].non_trainable_variables}
    assert "moving_mean" in names and not {"alpha", "epoch"} & names


def test_other_methods_have_no_alpha_to_set(tree):
    images = keras.Input((6, 6, 3))
    net = keras.Model(images, keras.layers.Conv2D(4, 3)(images), name="tiny")
    model = kh.build(net, tree, "cross_entropy", hidden_units=8)
    with pytest.raises(ValueError, match=r"method='haframe'.*CrossEntropy"):
        model.fit(
            np.zeros((4, 6, 6, 3)), np.arange(4), verbose=0,
            callbacks=[AlphaSchedule("cosine", epochs=1)],
        )  # fmt: skip
