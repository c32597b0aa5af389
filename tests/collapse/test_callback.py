import csv
import types
import warnings

import keras
import numpy as np
import pytest

from keras_haframe.collapse import NeuralCollapse, NeuralCollapseCallback, callback
from keras_haframe.training.distribution import all_devices
from tests.collapse import twins
from tests.collapse.tiny import D, K, Tiny
from tests.devices import TWO_DEVICES


def compiled(**options):
    model = Tiny(**options)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    return model


def data(n=60, seed=0):
    features, labels = twins.draw(np.random.default_rng(seed), K, 5, n)
    return features.astype("float32"), labels.astype("int32")


def fit(model, callbacks, epochs=3, **options):
    x, y = data()
    return model.fit(x, y, epochs=epochs, batch_size=20, verbose=0, callbacks=callbacks, **options)


class Clock:
    """Stands in for the time module: `cost` seconds per measurement, `epoch` per epoch."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


def timed(monkeypatch, cost, epoch):
    """Makes every measurement and every epoch take a known time."""
    clock = Clock()
    monkeypatch.setattr(callback, "time", types.SimpleNamespace(perf_counter=clock.perf_counter))
    costs = iter(cost) if isinstance(cost, list) else None

    def measure(splits, *args, **options):
        clock.now += next(costs) if costs else cost
        return {"train_nc1": clock.now}

    monkeypatch.setattr(callback, "measure_splits", measure)

    class Pass(keras.callbacks.Callback):
        def on_epoch_end(self, index, logs=None):
            clock.now += epoch

    return Pass()


def test_logs_equal_a_measurement_by_hand():
    (x, y), (tx, ty) = data(), data(30, 1)
    model = compiled()
    cb = NeuralCollapseCallback((x, y), (tx, ty), max_share=1.0, batch_size=7)
    history = fit(model, [cb], epochs=2).history
    names = {f"{split}_nc{i}" for split in ("train", "test") for i in (1, 2, 3, 4)}
    assert names | {"loss"} == set(history)
    assert all(len(values) == 2 and np.isfinite(values).all() for values in history.values())
    rows, bias = model.classifier_weights()
    features = model.feature_extractor.predict(x, verbose=0)
    nc = NeuralCollapse(K, D)
    nc.update(features, y)
    expected = nc.result(rows, bias)
    for i in (1, 2, 3, 4):
        assert history[f"train_nc{i}"][-1] == pytest.approx(expected[f"nc{i}"], rel=1e-4)
    test_features = model.feature_extractor.predict(tx, verbose=0)
    nc4 = nc.nc4_pass()
    nc4.update_linear(test_features, ty, classifier=rows, bias=bias)
    assert history["test_nc4"][-1] == pytest.approx(nc4.result()["nc4"], rel=1e-9)
    assert [m["epoch"] for m in cb.measurements] == [0, 1]
    assert {"train_cdnv", "test_nc1_quotient", "seconds"} <= set(cb.measurements[0])
    assert all(m["seconds"] > 0 for m in cb.measurements)


def test_measuring_does_not_disturb_training():
    losses = []
    for with_callback in (False, True):
        keras.utils.set_random_seed(7)
        callbacks = [NeuralCollapseCallback(data(), max_share=1.0)] if with_callback else []
        losses.append(fit(compiled(), callbacks, shuffle=False).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)


def test_without_classifier_there_is_no_nc3_and_no_nc4():
    with pytest.raises(ValueError, match="`num_classes` is not known"):
        fit(compiled(head=False), [NeuralCollapseCallback(data())])
    history = fit(compiled(head=False), [NeuralCollapseCallback(data(), num_classes=K)]).history
    assert {"train_nc1", "train_nc2", "loss"} == set(history)


def test_model_whose_head_is_no_linear_classifier_of_the_features():
    for weights in (None, (np.ones((K, D - 1)), None)):
        model = compiled()
        model.classifier_weights = lambda weights=weights: weights
        history = fit(model, [NeuralCollapseCallback(data(), num_classes=K)], epochs=1).history
        assert {"train_nc1", "train_nc2", "loss"} == set(history)
    explicit = NeuralCollapseCallback(data(), classifier=lambda: (np.ones((K, D - 1)), None))
    with pytest.raises(ValueError, match=r"rows of shape \[K, 6\]"):
        fit(compiled(), [explicit], epochs=1)


def test_classifier_callable_target_and_choice_of_measures():
    model, target = compiled(head=False), np.eye(K) + 0.2
    cb = NeuralCollapseCallback(
        data(),
        classifier=lambda: (
            (model.head.kernel.numpy().T, None)
            if hasattr(model.head.kernel, "numpy")
            else (keras.ops.convert_to_numpy(model.head.kernel).T, None)
        ),
        target=target,
        mean="sample",
        measures=("nc1", "nc3_etf", "cdnv", "duality"),
        max_share=1.0,
    )
    history = fit(model, [cb], epochs=1).history
    assert set(history) - {"loss"} == {
        f"train_{name}" for name in ("nc1", "nc3_etf", "cdnv", "duality")
    }
    nc = NeuralCollapse(K, D, target=target, mean="sample")
    nc.update(model.feature_extractor.predict(data()[0], verbose=0), data()[1])
    expected = nc.result(keras.ops.convert_to_numpy(model.head.kernel).T)
    for name in ("nc1", "nc3_etf", "cdnv", "duality"):
        assert history[f"train_{name}"][0] == pytest.approx(expected[name], rel=1e-4)


def test_every_and_the_last_epoch(monkeypatch):
    timed(monkeypatch, cost=0.0, epoch=1.0)
    cb = NeuralCollapseCallback(data(), every=3)
    history = fit(compiled(), [cb], epochs=7).history
    assert [m["epoch"] for m in cb.measurements] == [2, 5, 6]
    assert np.isfinite(history["train_nc1"]).tolist() == [0, 0, 1, 0, 0, 1, 1]
    assert len(history["train_nc1"]) == len(history["loss"])


def test_share_of_the_time_is_bounded_and_said_once(monkeypatch):
    # Epochs of 10 s, measurements of 2 s, at most 10 %: one is due whenever 20 s have passed.
    clock = timed(monkeypatch, cost=2.0, epoch=10.0)
    cb = NeuralCollapseCallback(data(), max_share=0.1)
    with pytest.warns(UserWarning, match="take 2.0 s each and are skipped") as caught:
        fit(compiled(), [cb, clock], epochs=12)
    assert len([w for w in caught if "max_share" in str(w.message)]) == 1
    at = [m["epoch"] for m in cb.measurements]
    assert at[0] == 0 and at[-1] == 11 and 3 < len(at) < 9
    # Apart from the first and the last, each kept to the bound when it was made.
    for index, epoch in enumerate(at[1:-1], start=1):
        elapsed = 10 * epoch + 2 * index
        assert 2 * (index + 1) <= 0.1 * (elapsed + 2)


def test_cheap_measurements_are_never_skipped(monkeypatch):
    clock = timed(monkeypatch, cost=0.5, epoch=10.0)
    cb = NeuralCollapseCallback(data(), max_share=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit(compiled(), [clock, cb], epochs=4)
    assert [m["epoch"] for m in cb.measurements] == [0, 1, 2, 3]


def test_a_slow_first_measurement_is_paid_back(monkeypatch):
    clock = timed(monkeypatch, cost=[9.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], epoch=10.0)
    cb = NeuralCollapseCallback(data(), max_share=0.25)
    with pytest.warns(UserWarning, match="max_share=0.25"):
        fit(compiled(), [cb, clock], epochs=9)
    assert [m["epoch"] for m in cb.measurements][:3] == [0, 6, 7]


def test_stopping_early_still_measures_the_last_epoch():
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    for order in (0, 1):
        cb = NeuralCollapseCallback(data(), every=100)
        callbacks = [Stop(), cb] if order == 0 else [cb, Stop()]
        history = fit(compiled(), callbacks, epochs=9).history
        assert len(history["loss"]) == 2
        assert [m["epoch"] for m in cb.measurements] == [1]
        assert np.isfinite(history["train_nc1"]).tolist() == [False, True]
        assert history["train_nc1"][1] == cb.measurements[0]["train_nc1"]


def test_csv_has_all_columns_and_rows(tmp_path):
    path = tmp_path / "log.csv"
    cb = NeuralCollapseCallback(data(), every=2)
    fit(compiled(), [cb, keras.callbacks.CSVLogger(path)], epochs=3)
    rows = list(csv.DictReader(path.open()))
    assert [row["train_nc1"] == "nan" for row in rows] == [True, False, False]
    assert float(rows[2]["train_nc2"]) == pytest.approx(cb.measurements[-1]["train_nc2"])


def test_diverged_network_warns_and_goes_on():
    model = compiled()
    cb = NeuralCollapseCallback(data())
    last = model.feature_extractor.layers[-1]
    last.set_weights([np.full_like(w, np.nan) for w in last.get_weights()])
    with pytest.warns(UserWarning, match="Epoch 0 has no neural-collapse measures"):
        history = fit(model, [cb], epochs=1).history
    assert np.isnan(history["train_nc1"]).all() and cb.measurements == []


def test_fitting_again_starts_anew():
    cb, model = NeuralCollapseCallback(data(), max_share=1.0), compiled()
    fit(model, [cb], epochs=1)
    fit(model, [cb], epochs=1)
    assert len(cb.measurements) == 2


def test_data_set_and_mixed_precision():
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices(data()).batch(16)
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        cb = NeuralCollapseCallback(dataset, dataset, max_share=1.0)
        history = fit(compiled(), [cb], epochs=1).history
    finally:
        keras.config.set_dtype_policy(before)
    assert np.isfinite(history["train_nc1"]).all() and np.isfinite(history["test_nc4"]).all()


@pytest.mark.parametrize(
    "options,message",
    [
        ({"every": 0}, "`every` must be a positive integer"),
        ({"max_share": 0}, r"must lie in \(0, 1\]"),
        ({"max_share": 1.5}, "Received: 1.5"),
        ({"mean": "all"}, "Received: mean='all'"),
        ({"classifier": np.ones((K, D))}, "must be a callable"),
        ({"max_batches": 0}, "`max_batches` must be a positive integer"),
        ({"test_dataset": iter([])}, "`test_dataset` is read once per measurement"),
    ],
)
def test_argument_errors(options, message):
    with pytest.raises(ValueError, match=message):
        NeuralCollapseCallback(data(), **options)


def test_model_without_feature_extractor():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(K)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(ValueError, match="attribute `feature_extractor`"):
        fit(model, [NeuralCollapseCallback(data())])


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="MirroredStrategy")
def test_replicas_do_not_multiply_the_samples():
    x, y = data(48)
    with all_devices(16, TWO_DEVICES):
        model = compiled()
    counted = NeuralCollapseCallback((x, y), (x, y), max_share=1.0, batch_size=10)
    history = model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[counted]).history
    nc = NeuralCollapse(K, D)
    nc.update(model.feature_extractor(x, training=False), y)
    expected = nc.result(*model.classifier_weights())
    for name in ("nc1", "nc2", "nc3", "nc4"):
        for split in ("train", "test"):
            assert history[f"{split}_{name}"][-1] == pytest.approx(expected[name], rel=1e-4), name
