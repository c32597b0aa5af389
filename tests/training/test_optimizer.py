"""GroupedSGD against PyTorch's update written out, and the groups of the papers' optimizer."""

import re

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.training import GroupedSGD, papers_sgd
from keras_haframe.training.distribution import all_devices
from tests.devices import TWO_DEVICES

BACKEND = keras.backend.backend()
RATES = {"^slow/": 0.1, "bias$": 2.0}
NAMES = ("slow/kernel", "slow/bias", "fast/kernel", "fast/bias")
MULTIPLIERS = (0.1, 0.1, 1.0, 2.0)  # the first pattern that matches wins


def variables(seed=0):
    """Four weights in two groups; their paths are their names."""
    rng = np.random.default_rng(seed)
    made = []
    for name in NAMES:
        scope, last = name.split("/")
        with keras.name_scope(scope):
            made.append(keras.Variable(rng.normal(size=(3, 2)).astype("float32"), name=last))
    assert [v.path for v in made] == list(NAMES)
    return made


def gradients(steps, seed=1):
    rng = np.random.default_rng(seed)
    return [[rng.normal(size=(3, 2)).astype("float32") for _ in NAMES] for _ in range(steps)]


def twin(weights, grads, rates, momentum, decay, multipliers=MULTIPLIERS):
    """`torch.optim.SGD` as its documentation gives it, in float64; one rate per step."""
    weights = [w.astype("float64") for w in weights]
    buffers = [np.zeros_like(w) for w in weights]
    for rate, step in zip(rates, grads):
        for i, g in enumerate(step):
            d = g.astype("float64") + decay * weights[i]
            buffers[i] = momentum * buffers[i] + d
            weights[i] = weights[i] - rate * multipliers[i] * buffers[i]
    return weights


def run(optimizer, made, grads, rates=None):
    for i, step in enumerate(grads):
        if rates is not None:
            optimizer.learning_rate = rates[i]
        optimizer.apply([ops.convert_to_tensor(g) for g in step], made)
    return [ops.convert_to_numpy(v) for v in made]


def close(found, expected, rtol=1e-6):
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())


@pytest.mark.parametrize("momentum", [0.9, 0.5])
@pytest.mark.parametrize("decay", [0.0, 5e-4, 0.3])
def test_several_steps_equal_the_written_out_update(momentum, decay):
    made, grads = variables(), gradients(6)
    start = [ops.convert_to_numpy(v).copy() for v in made]
    found = run(GroupedSGD(0.1, momentum, decay, RATES), made, grads)
    close(found, twin(start, grads, [0.1] * 6, momentum, decay))


def test_first_step_by_hand():
    weight = keras.Variable(np.array([1.0, -2.0], "float32"))
    optimizer = GroupedSGD(0.1, momentum=0.9, coupled_weight_decay=0.5)
    optimizer.apply([ops.convert_to_tensor(np.array([1.0, 1.0], "float32"))], [weight])
    np.testing.assert_allclose(ops.convert_to_numpy(weight), [0.85, -2.0], rtol=1e-6)
    optimizer.apply([ops.zeros(2)], [weight])  # v = 0.9 (1.5, 0) + 0.5 (0.85, -2)
    np.testing.assert_allclose(ops.convert_to_numpy(weight), [0.6725, -1.9], rtol=1e-6)


def test_a_change_of_the_rate_acts_at_once():
    """The buffer holds gradients, not steps: Keras's SGD keeps going at the old rate."""
    rates = [0.1, 0.1, 0.001, 0.001]
    made, grads = variables(), gradients(4)
    start = [ops.convert_to_numpy(v).copy() for v in made]
    expected = twin(start, grads, rates, 0.9, 5e-4)
    close(run(GroupedSGD(0.1, 0.9, 5e-4, RATES), made, grads, rates), expected)
    plain = run(keras.optimizers.SGD(0.1, 0.9), variables(), grads, rates)
    assert np.abs(plain[2] - expected[2]).max() > 0.01


@pytest.mark.slow
def test_equals_torch_itself():
    torch = pytest.importorskip("torch")
    made, grads = variables(), gradients(5)
    tensors = [torch.tensor(ops.convert_to_numpy(v).copy(), requires_grad=True) for v in made]
    theirs = torch.optim.SGD(
        [{"params": [t], "lr": 0.1 * m} for t, m in zip(tensors, MULTIPLIERS)],
        momentum=0.9, weight_decay=5e-4,
    )  # fmt: skip
    for step in grads:
        for tensor, g in zip(tensors, step):
            tensor.grad = torch.tensor(g)
        theirs.step()
    close(
        run(GroupedSGD(0.1, 0.9, 5e-4, RATES), made, grads), [t.detach().numpy() for t in tensors]
    )


def test_multiplier_of_a_path():
    optimizer = GroupedSGD(multipliers=RATES)
    assert [optimizer.multiplier(v) for v in variables()] == list(MULTIPLIERS)
    assert GroupedSGD().multiplier(variables()[0]) == 1.0


def test_zero_multiplier_holds_a_group_still():
    made = variables()
    start = ops.convert_to_numpy(made[0]).copy()
    found = run(GroupedSGD(0.1, multipliers={"^slow/": 0.0}), made, gradients(3))
    np.testing.assert_array_equal(found[0], start)
    assert np.abs(found[2] - ops.convert_to_numpy(variables()[2])).max() > 0.01


def test_schedule_of_keras():
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.1, 0.01])
    made, grads = variables(), gradients(4)
    start = [ops.convert_to_numpy(v).copy() for v in made]
    found = run(GroupedSGD(rate, 0.9, 5e-4, RATES), made, grads)
    close(found, twin(start, grads, [0.1, 0.1, 0.01, 0.01], 0.9, 5e-4))


def test_configuration_round_trip():
    optimizer = GroupedSGD(0.2, 0.8, 1e-3, RATES, name="mine", clipnorm=3.0)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert type(again) is GroupedSGD and again.get_config() == optimizer.get_config()
    assert again.multipliers == RATES and again.momentum == 0.8 and again.clipnorm == 3.0
    made, other, grads = variables(), variables(), gradients(2)
    close(run(again, other, grads), run(optimizer, made, grads), rtol=0)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"momentum": 0}, "`momentum` must be between 0 and 1. Received: momentum=0"),
        ({"momentum": 1.0}, "`momentum` must be between"),
        ({"coupled_weight_decay": -1e-4}, "`coupled_weight_decay` must be in"),
        ({"coupled_weight_decay": float("nan")}, "`coupled_weight_decay` must be in"),
        ({"multipliers": {"a": -1.0}}, "Received: -1.0 for pattern 'a'"),
        ({"weight_decay": 5e-4}, "use `coupled_weight_decay`"),
        ({"nesterov": True}, "takes neither"),
    ],
)
def test_refuses_what_it_would_do_otherwise(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        GroupedSGD(0.1, **options)


# In a model ---------------------------------------------------------------------------------------


def small_model(tree, **options):
    net = keras.Sequential(
        [keras.Input((6, 6, 3)), keras.layers.Conv2D(5, 3, activation="relu", name="stem")],
        name="net",
    )
    return kh.build(net, tree, **{"network": "II", **options})


def data(batch=12):
    rng = np.random.default_rng(0)
    return rng.normal(size=(batch, 6, 6, 3)).astype("float32"), np.arange(batch) % 4


def slow_weights(model, optimizer):
    """Paths of the weights that have the backbone's rate, without the backbone's name."""
    slow = [v for v in model.trainable_variables if optimizer.multiplier(v) == 0.1]
    return {v.path.removeprefix("net/") for v in slow}


def test_papers_groups(tree):
    model = small_model(tree)
    optimizer = papers_sgd(model, 0.2, clipnorm=1.0)
    assert optimizer.momentum == 0.9 and optimizer.coupled_weight_decay == 5e-4
    assert float(optimizer.learning_rate) == pytest.approx(0.2) and optimizer.clipnorm == 1.0
    assert slow_weights(model, optimizer) == {"stem/kernel", "stem/bias", "reduce/kernel"}
    rates = [optimizer.multiplier(v) for v in model.trainable_variables]
    assert rates.count(0.1) == 3 and rates.count(1.0) == len(rates) - 3
    assert papers_sgd(model, backbone=0.5).multiplier(model.backbone.trainable_variables[0]) == 0.5


def test_a_slow_transformation_block(tree):
    """The CIFAR-100 runs of the paper: everything but a learnable classifier at a tenth."""
    model = small_model(tree, method="cross_entropy")
    optimizer = papers_sgd(model, transformation=0.1)
    fast = {v.path for v in model.trainable_variables if optimizer.multiplier(v) == 1.0}
    assert fast == {"classifier/kernel", "classifier/bias"}


def test_papers_groups_of_a_type_one_network(tree):
    model = small_model(tree, method="cross_entropy", network="I", hidden_units=7)
    assert slow_weights(model, papers_sgd(model)) == {"stem/kernel", "stem/bias"}
    heads = {v.path for v in model.trainable_variables if papers_sgd(model).multiplier(v) == 1.0}
    assert {"hidden/kernel", "hidden/bias", "norm_in/gamma", "classifier/bias"} <= heads


@pytest.mark.slow
def test_one_training_step_uses_the_groups(tree):
    """Weight changes of one `fit` step, over those with rate 1 everywhere, are the multipliers."""
    x, y = data()
    changes = []
    for backbone in (1.0, 0.1):
        keras.utils.set_random_seed(3)
        model = small_model(tree)
        model.compile(papers_sgd(model, backbone=backbone))
        before = [ops.convert_to_numpy(v).copy() for v in model.trainable_variables]
        model.fit(x, y, batch_size=12, shuffle=False, verbose=0)
        after = [ops.convert_to_numpy(v) for v in model.trainable_variables]
        changes.append([b - a for a, b in zip(before, after)])
    rates = [papers_sgd(model).multiplier(v) for v in model.trainable_variables]
    assert set(rates) == {0.1, 1.0}
    for whole, slow, rate in zip(*changes, rates):
        # Differences of float32 weights: their last digits are those of the weights.
        np.testing.assert_allclose(slow, rate * whole, rtol=1e-3, atol=3e-7)
    assert max(np.abs(c).max() for c in changes[1]) > 1e-4


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch does not compile with XLA")
@pytest.mark.slow
def test_compiled_by_xla(tree):
    """JAX compiles every step; TensorFlow on request."""
    x, y = data()
    weights = []
    for compiled in (False, True):
        keras.utils.set_random_seed(3)
        model = small_model(tree)
        model.compile(
            papers_sgd(model), model.method.loss, jit_compile=compiled, run_eagerly=not compiled
        )
        model.fit(x, y, batch_size=6, shuffle=False, epochs=2, verbose=0)
        weights.append([ops.convert_to_numpy(v) for v in model.trainable_variables])
    close(weights[1], weights[0], rtol=1e-4)


@pytest.mark.slow
def test_saved_and_loaded_with_its_model(tree, tmp_path):
    """Momentum and groups come back: training goes on as if it had never stopped."""
    x, y = data()
    model = small_model(tree)
    model.compile(papers_sgd(model))
    model.fit(x, y, batch_size=12, shuffle=False, epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    assert type(again.optimizer) is GroupedSGD
    expected = {"stem/kernel", "stem/bias", "reduce/kernel"}
    assert slow_weights(again, again.optimizer) == expected  # its paths are other ones now
    for m in (model, again):
        m.fit(x, y, batch_size=12, shuffle=False, epochs=2, verbose=0)
    found, expected = (
        [ops.convert_to_numpy(v) for v in m.trainable_variables] for m in (again, model)
    )
    close(found, expected)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="MirroredStrategy is TensorFlow's")
@pytest.mark.slow
@pytest.mark.parametrize("method", ["haframe", "label_embeddings"])
def test_two_replicas_with_synchronized_normalization_equal_one(method):
    steps, batch = 3, 8
    rng = np.random.default_rng(0)
    x = rng.standard_normal((steps * batch, 6, 6, 3)).astype("float32")
    x *= np.where(np.arange(len(x)) % batch < batch // 2, 0.5, 2.0)[:, None, None, None]
    y = rng.integers(0, 4, len(x)).astype("int32")
    tree = kh.ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})

    def trained(devices, synchronized):
        keras.utils.set_random_seed(0)
        with all_devices(batch, devices) as count:
            assert count == (2 if devices else 1)
            net = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.Conv2D(5, 3, name="stem")])
            model = kh.build(net, tree, method, synchronized=synchronized)
            model.compile(papers_sgd(model), metrics=[])
        model.fit(x, y, batch_size=batch, shuffle=False, verbose=0)
        return [v.numpy() for v in model.trainable_variables]

    one = trained(None, False)
    for a, b in zip(one, trained(TWO_DEVICES, True), strict=True):
        assert np.abs(a - b).max() < 1e-4 * max(1.0, np.abs(a).max())
    apart = trained(TWO_DEVICES, False)
    assert max(np.abs(a - b).max() for a, b in zip(one, apart)) > 1e-2
