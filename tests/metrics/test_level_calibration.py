import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.metrics import LevelCalibrationError, level_calibration_error
from tests import brute_force, trees
from tests.compiled import compiled
from tests.metrics import contract
from tests.trees import SHAPES, labels, probabilities


def error(y, p, tree, level=-1, **options):
    """The error of probabilities."""
    return level_calibration_error(y, p, tree, level, from_logits=False, **options)


def brute_bins(y, p, tree, level, bins, weight=None):
    """Weight, summed confidence and summed hits per bin, one example at a time."""
    table = tree.level_labels()[:, -level]
    out = np.zeros((3, bins))
    for i, (label, row) in enumerate(zip(y, p)):
        mass = [
            sum(float(v) for v, n in zip(row, table) if n == node)
            for node in range(table.max() + 1)
        ]
        best = int(np.argmax(mass))
        # Bin m holds ((m - 1) / M, m / M]: look for it edge by edge, in the precision of the model.
        m = next(
            (m for m in range(bins) if np.float32(mass[best]) * np.float32(bins) <= m + 1), bins - 1
        )
        w = 1.0 if weight is None else float(weight[i])
        out[:, m] += w, w * mass[best], w * (best == table[label])
    return out


def brute(y, p, tree, level=-1, bins=15, norm="expected", weight=None):
    n, conf, hits = brute_bins(y, p, tree, level, bins, weight)
    gaps = [abs(hits[m] - conf[m]) / n[m] for m in range(bins) if n[m]]
    if norm == "maximum":
        return max(gaps)
    return sum(g * n[m] for g, m in zip(gaps, np.flatnonzero(n))) / n.sum()


def test_worked_tree_by_hand(tree):
    p, y = [[0.5, 0.25, 0.25, 0.0], [0.8, 0.2, 0.0, 0.0]], [0, 1]
    # classes: 0.5 right, 0.8 wrong; parents: land 0.75 right, land 1.0 right
    for level, gaps in ((-1, [0.5, 0.8]), (2, [0.5, 0.8]), (1, [0.25, 0.0])):
        ece = error(y, p, tree, level)
        assert float(ece) == pytest.approx(np.mean(gaps), abs=1e-6)
        mce = error(y, p, tree, level, norm="maximum")
        assert float(mce) == pytest.approx(max(gaps), abs=1e-6)
    # In one bin over- and under-confidence cancel: |1/2 - 0.65|.
    assert float(error(y, p, tree, bins=1)) == pytest.approx(0.15, abs=1e-6)


@pytest.mark.parametrize("norm", ["expected", "maximum"])
@pytest.mark.parametrize("shape", SHAPES)
def test_against_loops(shape, norm):
    tree = SHAPES[shape]()
    p, y = probabilities(tree, 40), labels(tree, 40)
    for level in range(1, tree.height + 1):
        for bins in (1, 4, 15):
            found = error(y, p, tree, level, bins=bins, norm=norm)
            wanted = brute(y, p, tree, level, bins, norm)
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("norm", ["expected", "maximum"])
def test_streams_with_weights_and_resets(uneven_tree, norm):
    p, y = probabilities(uneven_tree, 50), labels(uneven_tree, 50)
    weight = np.random.default_rng(0).uniform(size=50).astype("float32")
    m = LevelCalibrationError(uneven_tree, level=2, bins=5, norm=norm, from_logits=False)
    assert float(m.result()) == 0.0
    for part in (slice(0, 20), slice(20, 21), slice(21, 21), slice(21, 50)):
        m.update_state(y[part], p[part])
    np.testing.assert_allclose(m.result(), brute(y, p, uneven_tree, 2, 5, norm), rtol=1e-4)
    m.reset_state()
    m.update_state(y, p, sample_weight=weight)
    np.testing.assert_allclose(m.result(), brute(y, p, uneven_tree, 2, 5, norm, weight), rtol=1e-4)


def test_reliability_data(uneven_tree):
    p, y = probabilities(uneven_tree, 50), labels(uneven_tree, 50)
    m = LevelCalibrationError(uneven_tree, level=1, bins=10, from_logits=False)
    m.update_state(y, p)
    data = m.reliability()
    n, conf, hits = brute_bins(y, p, uneven_tree, 1, 10)
    np.testing.assert_allclose(data["edges"], np.arange(11) / 10)
    np.testing.assert_allclose(data["weight"], n)
    some = n > 0
    assert some.any() and not some.all()
    np.testing.assert_allclose(data["confidence"][some], conf[some] / n[some], rtol=1e-5)
    np.testing.assert_allclose(data["accuracy"][some], hits[some] / n[some], rtol=1e-5)
    assert np.isnan(data["accuracy"][~some]).all() and np.isnan(data["confidence"][~some]).all()
    inside = data["confidence"][some]
    assert (inside > data["edges"][:-1][some] - 1e-6).all()
    assert (inside < data["edges"][1:][some] + 1e-6).all()


def test_logits(uneven_tree):
    logits = np.random.default_rng(0).normal(size=(30, 7)).astype("float32") * 3
    y = labels(uneven_tree, 30)
    found = level_calibration_error(y, logits, uneven_tree, 1)
    wanted = brute(y, brute_force.softmax(logits), uneven_tree, 1)
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    huge = level_calibration_error(y, 1e30 * logits, uneven_tree)
    assert float(huge) == pytest.approx(np.mean(logits.argmax(1) != y), abs=1e-5)


def test_scores_and_probabilities_are_not_confused(tree):
    p, y = probabilities(tree, 9), labels(tree, 9)
    with pytest.raises(ValueError, match=r"probabilities already. Pass from_logits=False"):
        level_calibration_error(y, p, tree)
    with pytest.raises(ValueError, match=r"Probabilities must not be negative.*look like scores"):
        LevelCalibrationError(tree, from_logits=False).update_state(y, np.log(p))


def test_calibrated_probabilities_have_a_small_error():
    tree = SHAPES["worked"]()
    p = probabilities(tree, 20000)
    rng = np.random.default_rng(0)
    y = (p.cumsum(1) < rng.uniform(size=(20000, 1))).sum(1).clip(max=3)
    for level in (-1, 1):
        assert float(error(y, p, tree, level)) < 0.015
        # and sharpened ones do not
        sharp = p**3 / (p**3).sum(1, keepdims=True)
        assert float(error(y, sharp, tree, level)) > 0.05


def test_edges_certain_and_uniform_confidences(tree):
    m = LevelCalibrationError(tree, bins=4, from_logits=False)
    m.update_state([0, 0, 0], [[1.0, 0, 0, 0], [0.25] * 4, [0.5, 0.5, 0, 0]])
    assert m.reliability()["weight"].tolist() == [1, 1, 0, 1]  # 0.25 and 0.5 close their bins
    m.update_state([0], [[1.0000001, 0, 0, 0]])
    assert m.reliability()["weight"].tolist() == [1, 1, 0, 2]


@pytest.mark.slow
def test_half_precision_and_compiled(uneven_tree):
    p, y = probabilities(uneven_tree, 20), labels(uneven_tree, 20)
    half = ops.cast(ops.convert_to_tensor(p), "bfloat16")
    rounded = ops.convert_to_numpy(ops.cast(half, "float32"))
    wanted = brute(y, rounded, uneven_tree, 1)
    np.testing.assert_allclose(error(y, half, uneven_tree, 1), wanted, rtol=1e-4)
    found = compiled(lambda a, b: error(a, b, uneven_tree, 1))(y, p)
    np.testing.assert_allclose(found, brute(y, p, uneven_tree, 1), rtol=1e-4)


def test_works_in_evaluate(tree):
    x, y = np.random.default_rng(0).normal(size=(11, 3)).astype("float32"), labels(tree, 11)
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=[LevelCalibrationError(tree, level=1)])
    logs = model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)
    p = brute_force.softmax(model.predict(x, verbose=0))
    assert logs["level_1_ece"] == pytest.approx(brute(y, p, tree, 1), rel=1e-4)


def test_configuration(tree):
    m = LevelCalibrationError(tree, level=1, bins=7, norm="maximum", from_logits=False)
    assert m.name == "level_1_mce" and m._direction == "down"
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(m))
    assert (again.level, again.bins, again.norm, again.from_logits) == (1, 7, "maximum", False)
    assert again.tree == tree and again.name == m.name


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(level=0), "0 would be the root"),
        (dict(bins=0), "`bins` must be a positive integer"),
        (dict(bins=2.5), "`bins` must be a positive integer"),
        (dict(norm="mean"), "`norm` must be one of"),
    ],
)
def test_refuses_wrong_options(tree, options, message):
    with pytest.raises(ValueError, match=message):
        LevelCalibrationError(tree, **options)
    with pytest.raises(ValueError, match=message):
        level_calibration_error([0], [[1.0, 0, 0, 0]], tree, **options)


def test_refuses_wrong_shapes(tree):
    with pytest.raises(ValueError, match=r"\[batch, 4\]"):
        level_calibration_error([0], [[1.0, 0.0]], tree)
    with pytest.raises(ValueError, match="one-hot"):
        LevelCalibrationError(tree).update_state(np.eye(4)[:1], [[1.0, 0, 0, 0]])


def test_saves_with_a_model(uneven_tree, tmp_path):
    def twin(y, scores):
        return brute(y, brute_force.softmax(scores), uneven_tree, 2)

    metric = LevelCalibrationError(uneven_tree, level=2)
    contract.check_in_a_model(metric, twin)
    contract.check_saved_model(metric, twin, tmp_path)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_labels_above_256_under_half_precision_policies(dtype):
    y, _, scores = contract.half_precision_example(dtype)  # certain; 2 of 4 right, 3 of 4 groups
    tree = trees.wide()
    for level, expected in ((-1, 0.5), (1, 0.25)):
        metric = LevelCalibrationError(tree, level, from_logits=False)
        metric.update_state(y, scores)
        assert float(metric.result()) == pytest.approx(expected)
