"""Schedules of alpha: the numbers, and the callback that sets them."""

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.losses import CrossEntropy, FrameCosineLoss
from keras_haframe.training import AlphaSchedule, alpha_schedule
from keras_haframe.training.schedules import SCHEDULES
from tests.golden import golden_cases


@golden_cases("golden/haframe_loss.npz", "schedule__{name}")
def test_golden_schedules(golden, name):
    """(beta, alpha) of every epoch."""
    file = golden("golden/haframe_loss.npz")
    expected, epochs = file[f"schedule__{name}"], len(file[f"schedule__{name}"])
    # The file does not say the period; the second epoch of the plain cosine does.
    period = round(2 * np.pi / np.arccos(1 - 2 * file["schedule__cosine"][1, 1]), 6)
    own = name.replace("-", "_")
    found = [alpha_schedule(own, epoch, epochs, period) for epoch in range(epochs)]
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


def freeze(model):
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def still_model(tree, **options):
    """A model whose weights do not move in training, its data, and what its two losses are."""
    images = keras.Input((6, 6, 3))
    net = keras.Model(images, keras.layers.Conv2D(4, 3)(images), name="tiny")
    model = kh.build(net, tree, **options)
    model.compile(keras.optimizers.SGD(0.0))
    freeze(model)
    x = np.random.default_rng(0).normal(size=(24, 6, 6, 3)).astype("float32")
    y = np.arange(24) % tree.num_classes
    outputs = model(x, training=False)
    ce = float(CrossEntropy()(y, outputs))
    cosine = float(FrameCosineLoss(tree)(y, outputs))
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


@pytest.mark.slow
def test_saved_model_keeps_what_was_set_last(tree, tmp_path):
    model, x, y, ce, cosine = still_model(tree, alpha=0.25)
    model.fit(x, y, epochs=2, verbose=0, callbacks=[AlphaSchedule("linear_decrease", epochs=4)])
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    for loaded in (again, type(model).from_config(model.get_config())):
        assert loaded.method.options()["alpha"] == loaded.loss.alpha == 0.75
    loss = again.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(0.25 * ce + 0.75 * cosine, rel=1e-4)
    freeze(again)
    again.compile(keras.optimizers.SGD(0.0))
    schedule = AlphaSchedule("linear_decrease", epochs=4)  # and a loaded model takes it up
    found = again.fit(
        x, y, initial_epoch=2, epochs=4, batch_size=24, callbacks=[schedule], verbose=0
    ).history["loss"]
    expected = [0.5 * (ce + cosine), 0.75 * ce + 0.25 * cosine]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_alpha_is_no_weight_of_the_model(tree):
    model = still_model(tree)[0]
    (own,) = model.loss.variables
    assert not [v for v in model.weights if v is own or v.path.endswith("epoch")]
    assert [v for v in model.variables if v is own]  # but compiled steps see it change


@pytest.mark.slow
def test_alpha_set_by_hand_reaches_compiled_steps(tree):
    model, x, y, ce, cosine = still_model(tree)
    model.evaluate(x, y, verbose=0)
    for alpha, beta in ((0.0, 1.0), (0.25, 0.75), (3.0, 1.0)):
        model.loss.alpha = alpha
        loss = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
        assert loss == pytest.approx(beta * ce + alpha * cosine, rel=1e-4)
    with pytest.raises(ValueError, match=r"`alpha` must be a number in \[0, inf\)"):
        model.loss.alpha = -1


def test_more_epochs_than_the_schedule_has(tree):
    model, x, y, *_ = still_model(tree)
    with pytest.raises(ValueError, match=r"for 2 epochs.*epochs=3"):
        model.fit(x, y, epochs=3, verbose=0, callbacks=[AlphaSchedule("cosine", epochs=2)])


def test_other_methods_have_no_alpha_to_set(tree):
    images = keras.Input((6, 6, 3))
    net = keras.Model(images, keras.layers.Conv2D(4, 3)(images), name="tiny")
    model = kh.build(net, tree, "cross_entropy", hidden_units=8)
    with pytest.raises(ValueError, match=r"method='haframe'.*CrossEntropy"):
        model.fit(
            np.zeros((4, 6, 6, 3)), np.arange(4), verbose=0,
            callbacks=[AlphaSchedule("cosine", epochs=1)],
        )  # fmt: skip
