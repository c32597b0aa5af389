"""Schedules of alpha, and the HAFrame loss that follows them."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.losses import CrossEntropy, FrameCosineLoss, HAFrameLoss, alpha_schedule
from keras_haframe.losses.haframe import SCHEDULES


@pytest.mark.parametrize("name", SCHEDULES)
def test_golden_schedules(golden, name):
    """(beta, alpha) for epochs 0 to 99 of 100, period 20; also through the loss in tensors."""
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


@pytest.mark.parametrize("name", SCHEDULES)
def test_scheduled_loss_follows_the_epoch(tree, name):
    """The attribute `epoch`, a number or a variable, decides the mix."""
    rng = np.random.default_rng(2)
    labels = np.array([1, 2])
    outputs = {k: rng.uniform(-1, 1, (2, 4)).astype("float32") for k in ("logits", "cosines")}
    loss = HAFrameLoss(tree, 1.0, name, epochs=30, period=12)
    ce = float(CrossEntropy()(labels, outputs))
    cosine = float(FrameCosineLoss(tree, 1.0)(labels, outputs))
    variable = keras.Variable(0.0)
    for epoch in (0, 7, 29):
        beta, alpha = alpha_schedule(name, epoch, 30, 12)
        variable.assign(float(epoch))
        for loss.epoch in (epoch, float(epoch), variable):
            found = float(loss(labels, outputs))
            np.testing.assert_allclose(found, beta * ce + alpha * cosine, rtol=1e-5)


def test_schedule_takes_tensors():
    beta, alpha = alpha_schedule("cosine", ops.convert_to_tensor(5.0), 100, 20)
    np.testing.assert_allclose([float(beta), float(alpha)], [0.5, 0.5], atol=1e-6)


def test_unknown_schedule(tree):
    with pytest.raises(ValueError, match=r"Unknown alpha schedule 'sawtooth'\. Choose one of"):
        alpha_schedule("sawtooth", 0, 10)
    with pytest.raises(ValueError, match="Unknown alpha schedule 'sawtooth'"):
        HAFrameLoss(tree, 1.0, "sawtooth", epochs=10)


@pytest.mark.parametrize("epochs", [None, 0])
def test_schedule_needs_epochs(tree, epochs):
    with pytest.raises(ValueError, match=rf"needs the number of `epochs`.*epochs={epochs}"):
        HAFrameLoss(tree, 1.0, "cosine", epochs=epochs)
