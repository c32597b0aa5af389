import keras
import numpy as np
import pytest

from keras_haframe.training import GroupedSGD, epoch_cosine


def test_every_epoch_by_hand():
    schedule = epoch_cosine(0.1, 6).schedule
    # 0.05 (1 + cos(0, 30, 60, 90, 120, 150 degrees))
    half = 0.05 * np.sqrt(3) / 2
    by_hand = [0.1, 0.05 + half, 0.075, 0.05, 0.025, 0.05 - half]
    np.testing.assert_allclose([schedule(e, None) for e in range(6)], by_hand, rtol=1e-12)


def test_papers_hundred_epochs():
    schedule = epoch_cosine(0.1, 100).schedule
    rates = np.array([schedule(e, None) for e in range(100)])
    assert rates[0] == 0.1 and rates[50] == pytest.approx(0.05)
    assert rates[99] == pytest.approx(2.467e-5, rel=1e-3)  # methods: about 2.5e-5
    assert (np.diff(rates) < 0).all()
    np.testing.assert_allclose(rates[1:] + rates[:0:-1], 0.1, rtol=1e-12)  # a half wave


def test_does_not_look_at_the_rate_before():
    schedule = epoch_cosine(0.1, 4).schedule
    assert schedule(2, 0.9) == schedule(2, 1e-6) == pytest.approx(0.05)


def test_sets_the_rate_of_every_epoch_in_fit():
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(float(self.model.optimizer.learning_rate))

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(GroupedSGD(0.7), "mse", jit_compile=False)
    x, y = np.ones((6, 2), "float32"), np.zeros((6, 1), "float32")
    history = model.fit(
        x, y, epochs=4, batch_size=3, verbose=0, callbacks=[epoch_cosine(0.1, 4), Look()]
    )
    rates = [0.05 * (1 + np.cos(np.pi * e / 4)) for e in range(4)]
    np.testing.assert_allclose(seen, np.repeat(rates, 2), rtol=1e-6)
    np.testing.assert_allclose(history.history["learning_rate"], rates, rtol=1e-6)


def test_one_epoch_has_the_full_rate():
    assert epoch_cosine(0.3, 1).schedule(0, None) == 0.3


@pytest.mark.parametrize("epochs", [0, -1, 2.0, True, None])
def test_refuses_other_numbers_of_epochs(epochs):
    with pytest.raises(ValueError, match="`epochs` must be a positive integer"):
        epoch_cosine(0.1, epochs)
