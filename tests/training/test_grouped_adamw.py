"""GroupedAdamW and LARS against their papers' updates written out; layer-wise decay."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.training import LARS, GroupedAdamW, layer_decay

NAMES = {"slow/kernel": (3, 2), "slow/bias": (2,), "fast/kernel": (2, 2), "token": (1, 1, 3)}
RATES = {"^slow/": 0.1, "token": 2.0}
MULTIPLIERS = (0.1, 0.1, 1.0, 2.0)
STEPS = 4


def variables():
    rng, made = np.random.default_rng(0), []
    for name, shape in NAMES.items():
        scope, _, last = name.rpartition("/")
        with keras.name_scope(scope or "top"):
            made.append(keras.Variable(rng.normal(size=shape).astype("float32"), name=last))
    return made


def gradients():
    rng = np.random.default_rng(1)
    return [
        [rng.normal(size=s).astype("float32") for s in NAMES.values()] for _ in range(STEPS)
    ]  # fmt: skip


def arrays(made):
    return [ops.convert_to_numpy(v).astype("float64") for v in made]


def updated(optimizer):
    made = variables()
    optimizer.build(made)
    for step in gradients():
        optimizer.apply([ops.convert_to_tensor(g) for g in step])
    return arrays(made)


def adamw_twin(rate, decay, beta_1, beta_2, epsilon, decays):
    """`torch.optim.AdamW` as its documentation gives it, one rate per weight."""
    weights = arrays(variables())
    m, v = ([np.zeros_like(w) for w in weights] for _ in range(2))
    for t, step in enumerate(gradients(), start=1):
        for i, g in enumerate(step):
            lr = rate * MULTIPLIERS[i]
            weights[i] = weights[i] - lr * (decay if decays[i] else 0.0) * weights[i]
            m[i] = beta_1 * m[i] + (1 - beta_1) * g
            v[i] = beta_2 * v[i] + (1 - beta_2) * g.astype("float64") ** 2
            first, second = m[i] / (1 - beta_1**t), v[i] / (1 - beta_2**t)
            weights[i] = weights[i] - lr * first / (np.sqrt(second) + epsilon)
    return weights


@pytest.mark.parametrize("exclude,decays", [([], (1, 0, 1, 1)), (["token"], (1, 0, 1, 0))])
def test_adamw_by_hand(exclude, decays):
    optimizer = GroupedAdamW(0.05, 0.3, RATES, exclude, beta_1=0.8, beta_2=0.95)
    for found, expected in zip(
        updated(optimizer), adamw_twin(0.05, 0.3, 0.8, 0.95, 1e-8, decays)
    ):  # fmt: skip
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def lars_twin(rate, momentum, decay, trust):
    weights = arrays(variables())
    velocity = [np.zeros_like(w) for w in weights]
    for step in gradients():
        for i, g in enumerate(step):
            g = g.astype("float64")
            if g.ndim > 1:
                g = g + decay * weights[i]
                g = g * trust * np.linalg.norm(weights[i]) / np.linalg.norm(g)
            velocity[i] = momentum * velocity[i] + g
            weights[i] = weights[i] - rate * velocity[i]
    return weights


@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_lars_by_hand(decay):
    found = updated(LARS(0.5, 0.8, decay, trust=0.01))
    for value, expected in zip(found, lars_twin(0.5, 0.8, decay, 0.01)):
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


def test_lars_where_a_norm_is_zero():
    """Weights that start at zero move, gradients of zero move nothing; nothing is NaN."""
    zero, still = keras.Variable(np.zeros((2, 2), "float32")), keras.Variable([[1.0, 2.0]])
    optimizer = LARS(0.5)
    optimizer.build([zero, still])
    optimizer.apply([ops.ones((2, 2)), ops.zeros((1, 2))])
    np.testing.assert_allclose(ops.convert_to_numpy(zero), -0.5 * np.ones((2, 2)))
    np.testing.assert_allclose(ops.convert_to_numpy(still), [[1.0, 2.0]])


@pytest.mark.parametrize(
    "optimizer", [GroupedAdamW(0.1, 0.2, RATES, ["token"], 0.8, 0.95), LARS(0.1, 0.8, 0.2, 0.1)]
)
def test_config_round_trip(optimizer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert type(again) is type(optimizer) and again.get_config() == optimizer.get_config()
    np.testing.assert_array_equal(*(np.concatenate([w.ravel() for w in updated(o)])
                                    for o in (optimizer, again)))  # fmt: skip


def test_layer_decay_of_a_classifier(tree):
    """0.5 per block, from patches and class token up; the head has the whole rate."""
    vit = kh.models.ViT((8, 8, 3), (8, 3, 2), 4, pooling="average")
    model = kh.build(vit, tree)
    optimizer = GroupedAdamW(multipliers=layer_decay(vit.depth, 0.5), exclude=["class_token"])
    optimizer.build(model.trainable_variables)
    expected = {"patches": 1 / 16, "class_token": 1 / 16, "blocks_0": 1 / 8, "blocks_1": 1 / 4}
    expected |= {"blocks_2": 1 / 2}
    for variable in model.trainable_variables:
        rate = expected.get(variable.path.split("/")[0], 1.0)
        assert optimizer.multiplier(variable) == rate, variable.path
        decays = len(variable.shape) > 1 and "class_token" not in variable.path
        assert optimizer.decays(variable) == decays
    assert len({v.path.split("/")[0] for v in model.trainable_variables}) > 6


@pytest.mark.parametrize(
    "make,words",
    [
        (lambda: GroupedAdamW(weight_decay=-1.0), r"`weight_decay` must be in \[0, inf\)"),
        (lambda: GroupedAdamW(multipliers={"a": -1.0}), "Received: -1.0 for pattern 'a'"),
        (lambda: layer_decay(3, 0.0), "`decay` must be above 0 and at most 1. Received: decay=0"),
        (lambda: LARS(momentum=1.0), "`momentum` must be between 0 and 1"),
        (lambda: LARS(trust=-1.0), r"`trust` must be in \[0, inf\)"),
        (lambda: LARS(nesterov=True), "neither Keras's decoupled `weight_decay` nor"),
    ],
)
def test_wrong_options(make, words):
    with pytest.raises(ValueError, match=words):
        make()
