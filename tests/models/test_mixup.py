"""Mix-up: batches by brute force, the loss against its definition, resuming."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.data import ArrayBatches, MixedBatches
from keras_haframe.models import MixUpClassifier


def data(n=24):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 4, 4, 3)).astype("float32"), np.arange(n) % 4


def partner(i):
    return i + 1 if i % 2 == 0 else i - 1


def test_batches_are_pairs_mixed_with_one_share():
    images, labels = data()
    plain, mixed = ArrayBatches(images, labels, 8, 3), MixedBatches(images, labels, 8, 3)
    seen = set()
    for i in range(len(mixed)):
        (x, y), (z, z_labels, weights) = plain[i], mixed[i]
        np.testing.assert_array_equal(z_labels, y)
        shares = weights[:, 0]
        assert z.dtype == np.float32 and weights.dtype == np.float32 and len(set(shares)) == 1
        np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-6)
        for j in range(8):
            expected = shares[0] * x[j] + (1 - shares[0]) * x[partner(j)]
            np.testing.assert_allclose(z[j], expected, rtol=1e-5, atol=1e-6)
        seen.add(float(shares[0]))
    assert len(seen) == len(mixed) == 3


def test_shares_are_beta_distributed():
    """Mean and variance of Beta(a, a): 1/2 and 1 / (4 (2 a + 1))."""
    images, labels = np.zeros((2000, 1), "float32"), np.zeros(2000, int)
    for alpha in (0.2, 1.0):
        batches = MixedBatches(images, labels, 2, 0, alpha=alpha)
        shares = np.array([batches[i][2][0, 0] for i in range(1000)])
        assert shares.mean() == pytest.approx(0.5, abs=0.05)
        assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


def test_seed_and_epoch_alone_decide():
    images, labels = data()
    first, again = (MixedBatches(images, labels, 8, 1) for _ in range(2))
    first.on_epoch_end()
    again.epoch = 1
    for a, b in zip(first[2], again[2]):
        np.testing.assert_array_equal(a, b)
    again.epoch = 0
    assert again[2][2][0, 0] != first[2][2][0, 0]


def test_parts_for_two_processes_make_the_whole_batch():
    images, labels = data()
    whole = MixedBatches(images, labels, 8, 5)[1]
    parts = [MixedBatches(images, labels, 8, 5, share=(k, 2))[1] for k in range(2)]
    for value, *pieces in zip(whole, *parts):
        np.testing.assert_array_equal(value, np.concatenate(pieces))


@pytest.mark.parametrize(("options", "message"), [
    ({"alpha": 0}, "`alpha` must be positive"),
    ({"alpha": float("nan")}, "`alpha` must be positive"),
    ({"share": (0, 4)}, "mixed in pairs.*Received: 3"),
    ({"sample_weight": np.ones(3)}, r"`sample_weight` must have shape \[24\].*\(3,\)"),
])  # fmt: skip
def test_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        MixedBatches(*data(), 12, **options)


# The model


def make(tree, method="etf_dr", **options):
    backbone = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(8, 3)])
    return MixUpClassifier(backbone, tree, method, network="I", hidden_units=None, **options)


METHODS = [
    ("cross_entropy", {}), ("etf_dr", {}), ("haframe", {}), ("haframe_dr", {"lengths": "batch"}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "options"), METHODS)
@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0])
def test_loss_is_the_mean_of_both_terms(tree, method, options, lam):
    model = make(tree, method, **options)
    images, _ = data(6)
    labels = np.array([0, 1, 1, 1, 2, 0])
    outputs = model(images, training=True)
    weights = np.tile(np.array([lam, 1 - lam], "float32"), (6, 1))
    found = model.compute_loss(images, ops.convert_to_tensor(labels), outputs, weights, True)
    swapped = np.array([1, 0, 1, 1, 0, 2])
    loss = model.method.loss
    expected = lam * loss(labels, outputs) + (1 - lam) * loss(swapped, outputs)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(("method", "options"), METHODS[1::2])
def test_equals_dot_regressions_own_mixup_loss(tree, method, options):
    """Class lengths from the unpermuted labels, as released."""
    model = make(tree, method, **options)
    images, _ = data(6)
    labels = np.array([0, 1, 1, 1, 2, 0], "int32")
    swapped = labels.reshape(-1, 2)[:, ::-1].reshape(-1)
    outputs = model(images, training=True)
    found = model.compute_loss(
        images,
        ops.convert_to_tensor(labels),
        outputs,
        np.tile(np.array([0.3, 0.7], "float32"), (6, 1)),
        True,
    )
    loss = model.method.loss
    own = loss.mixup_loss(
        ops.convert_to_tensor(labels), ops.convert_to_tensor(swapped), 0.3, outputs
    )
    assert float(found) == pytest.approx(float(ops.mean(own)), rel=1e-5)


@pytest.mark.parametrize("method", ["cross_entropy", "haframe"])
def test_sample_and_class_weights_against_a_loop(tree, method):
    """Every label counts with the weight of the example that it is the label of."""
    images, labels = data(24)
    sample = np.random.default_rng(1).uniform(0.5, 3, 24).astype("float32")
    classes = {0: 1.0, 1: 4.0, 2: 0.5}  # class 3 has 1, as in Keras
    batches = MixedBatches(images, labels, 8, 2, sample_weight=sample, class_weight=classes)
    model = make(tree, method)
    x, y, weights = batches[1]
    rows = batches.rows(1)
    w = sample[rows] * np.array([classes.get(int(k), 1.0) for k in labels[rows]])
    lam = float(weights[0, 0] / w[0])
    outputs = model(x, training=True)
    each = type(model.loss).from_config({**model.loss.get_config(), "reduction": "none"})
    total = 0.0
    for i in range(8):
        j = partner(i)
        at = {k: v[i : i + 1] for k, v in outputs.items()}
        total += lam * w[i] * float(each(y[i : i + 1], at)[0])
        total += (1 - lam) * w[j] * float(each(y[j : j + 1], at)[0])
    found = model.compute_loss(x, ops.convert_to_tensor(y), outputs, weights, True)
    assert float(found) == pytest.approx(total / 8, rel=1e-5)
    model.fit(batches, verbose=0)  # weights of two columns go through fit


def test_class_weight_of_fit_against_a_loop(tree):
    """The loss that `fit` reports is the mean over weighted pairs, by hand."""
    images, labels = data(16)
    sample = np.random.default_rng(1).uniform(0.5, 3, 16).astype("float32")
    classes = {0: 3.0, 1: 0.25, 3: 2.0}
    batches = MixedBatches(images, labels, 8, 2, sample_weight=sample)
    model = make(tree, "cross_entropy")
    model.compile(keras.optimizers.SGD(0.0))
    before = batches.weights.copy()
    history = model.fit(batches, class_weight=classes, epochs=1, verbose=0).history
    np.testing.assert_array_equal(batches.weights, before)  # of this fit alone
    batches.epoch -= 1  # the one that was trained on
    means, plain = [], []
    for b in range(2):
        x, y, weights = batches[b]
        rows, logits = batches.rows(b), ops.convert_to_numpy(model(x, training=True)["logits"])
        logits = logits.astype(np.float64)
        each = np.log(np.exp(logits).sum(axis=1))[:, None] - logits
        lam, total = float(weights[0, 0] / sample[rows[0]]), np.zeros(2)
        for i in range(8):
            for n, share in ((i, lam), (partner(i), 1 - lam)):
                term = share * sample[rows[n]] * each[i, y[n]]
                total += [term * classes.get(int(y[n]), 1.0), term]
        means.append(total[0] / 8)
        plain.append(total[1] / 8)
    assert history["loss"][0] == pytest.approx(np.mean(means), rel=1e-5)
    assert np.mean(plain) != pytest.approx(np.mean(means), rel=1e-2)


@pytest.mark.slow
def test_class_weight_of_plain_images_is_kerass_own(tree):
    images, labels = data(8)
    classes = {0: 3.0, 1: 0.25, 2: 1.0, 3: 2.0}
    losses = []
    for options in (
        {"class_weight": classes},
        {"sample_weight": np.array([classes[k] for k in labels], "float32")},
    ):
        keras.utils.set_random_seed(0)
        model = make(tree, "cross_entropy")
        losses.append(model.fit(images, labels, verbose=0, **options).history["loss"][0])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_plain_sample_weights_are_those_of_keras(tree):
    model = make(tree, "cross_entropy")
    images, labels = data(8)
    outputs, y = model(images, training=False), ops.convert_to_tensor(labels)
    w = np.arange(8, dtype="float32")
    found = model.compute_loss(images, y, outputs, w, True)
    assert float(found) == pytest.approx(float(model.loss(labels, outputs, w)), rel=1e-6)


def test_without_shares_and_in_evaluation_it_is_the_plain_loss(tree):
    model = make(tree, "cross_entropy")
    images, labels = data(8)
    outputs = model(images, training=False)
    plain = float(model.method.loss(labels, outputs))
    y = ops.convert_to_tensor(labels)
    assert float(model.compute_loss(images, y, outputs, None, True)) == pytest.approx(plain)
    logs = model.evaluate(images, labels, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(plain, rel=1e-5)


def test_regularization_counts_once(tree):
    layer = keras.layers.Conv2D(8, 3, kernel_regularizer=keras.regularizers.L2(1.0))
    backbone = keras.Sequential([keras.Input((4, 4, 3)), layer])
    model = MixUpClassifier(backbone, tree, "cross_entropy", network="I", hidden_units=None)
    images, labels = data(4)
    outputs = model(images, training=True)
    half = np.full((4, 2), 0.5, "float32")
    found = model.compute_loss(images, ops.convert_to_tensor(labels), outputs, half, True)
    loss = model.method.loss
    swapped = labels.reshape(-1, 2)[:, ::-1].reshape(-1)
    terms = 0.5 * (float(loss(labels, outputs)) + float(loss(swapped, outputs)))
    penalty = float(ops.sum(layer.kernel**2))
    assert float(found) == pytest.approx(terms + penalty, rel=1e-5)


@pytest.mark.slow
def test_trains_saves_and_loads(tree, tmp_path):
    """Four plain colors."""
    rng = np.random.default_rng(0)
    y = np.arange(64) % 4
    colors = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1]])
    x = (colors[y][:, None, None] + rng.normal(0, 0.2, (64, 4, 4, 3))).astype("float32")
    model = make(tree, "haframe")
    model.optimizer.learning_rate = 0.1
    model.fit(MixedBatches(x, y, 16, 0), epochs=15, verbose=0)
    assert (model.predict_classes(x, verbose=0) == y).mean() > 0.9
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    assert isinstance(again, kh.models.HierarchicalClassifier)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
