import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.losses import DotRegression, class_lengths
from tests.golden import golden_cases
from tests.gradients import DTYPE, assert_close, gradient
from tests.losses.checks import check_finite, check_loss, extremes


def head(frame):
    """Outputs of a classifier with the columns of `frame` as class vectors."""
    frame = np.asarray(frame, np.float64)

    def outputs(h):
        return {"logits": ops.matmul(h, ops.convert_to_tensor(frame, dtype=h.dtype)), "features": h}

    return outputs


def batch_lengths_twin(labels, num_classes):
    e = np.ones(num_classes)
    present = set(labels.tolist())
    for k in present:
        e[k] = np.sqrt(len(labels) / len(present) / sum(y == k for y in labels))
    return e


def twin(h, frame, labels, e, reg_lam=0.0, constant=None):
    total = 0.0
    for b, y in enumerate(labels):
        norm = np.sqrt(h[b] @ h[b])
        held = norm if constant is None else constant[b]
        total += 0.5 * (e[y] * (frame[:, y] @ h[b]) - e[y] * held) ** 2 / held + reg_lam * norm
    return total / len(labels)


@pytest.fixture
def case():
    rng = np.random.default_rng(3)
    frame = kh.frames.simplex_etf(4, 6, seed=1).T
    return rng.standard_normal((9, 6)), frame, np.array([0, 0, 0, 0, 0, 2, 2, 3, 3])


# Worked by hand ------------------------------------------------------------------------------


def test_two_orthogonal_vectors():
    outputs = {"logits": ops.eye(2, dtype="float32"), "features": ops.eye(2, dtype="float32")}
    loss = DotRegression()
    assert float(loss([0, 1], outputs)) == 0.0
    assert float(loss([1, 0], outputs)) == 0.5
    # h = (3, 4): |h| = 5; class 0: 1/2 (3 - 5)^2 / 5 = 0.4; class 1: 1/2 (4 - 5)^2 / 5 = 0.1
    outputs = {"logits": [[3.0, 4.0]] * 2, "features": [[3.0, 4.0]] * 2}
    outputs = {k: ops.convert_to_tensor(v) for k, v in outputs.items()}
    assert float(loss([0, 1], outputs)) == pytest.approx(0.25)
    # Three of class 0, one of class 1: e^2 = (4 / 2) / 3 and (4 / 2) / 1.
    outputs = {k: ops.repeat(v[:1], 4, axis=0) for k, v in outputs.items()}
    assert float(loss([0, 0, 0, 1], outputs)) == pytest.approx((3 * 2 / 3 * 0.4 + 2 * 0.1) / 4)
    evaluated = float(loss([0, 0, 0, 1], outputs, training=False))
    assert evaluated == pytest.approx((3 * 0.4 + 0.1) / 4)


# The reference ---------------------------------------------------------------------------------


@golden_cases("golden_ext/etf_dr_{name}.npz")
@pytest.mark.parametrize(
    ("prefix", "lengths", "reg_lam"),
    [("plain", None, 0.0), ("ew", "batch", 0.0), ("ewreg", "batch", 0.01)],
)
def test_golden_value_and_gradient(golden, name, prefix, lengths, reg_lam):
    g = golden(f"golden_ext/etf_dr_{name}.npz")
    loss = DotRegression(lengths, reg_lam=reg_lam)
    outputs = head(g["M"])
    assert_close(loss(g["y"], outputs(ops.convert_to_tensor(g["h"]))), g[f"{prefix}_loss"], 1e-4)
    dh = gradient(lambda h: loss(g["y"], outputs(h)), g["h"])
    assert_close(dh, g[f"{prefix}_dh"], 1e-4)


@golden_cases("golden_ext/etf_dr_{name}.npz")
def test_golden_head_without_normalization(golden, name):
    g = golden(f"golden_ext/etf_dr_{name}.npz")
    loss = DotRegression("batch", reg_lam=0.01)
    outputs = head(g["M"])
    assert_close(loss(g["y"], outputs(ops.convert_to_tensor(g["raw_h"]))), g["raw_loss"], 1e-4)
    assert_close(gradient(lambda h: loss(g["y"], outputs(h)), g["raw_h"]), g["raw_dh"], 1e-4)


@golden_cases("golden_ext/etf_dr_{name}.npz")
def test_golden_lengths_and_mixup(golden, name):
    g = golden(f"golden_ext/etf_dr_{name}.npz")
    loss = DotRegression()
    classes = np.arange(g["M"].shape[1])
    squared = loss.squared_lengths(ops.convert_to_tensor(classes), ops.convert_to_tensor(g["y"]))
    assert_close(ops.sqrt(squared), g["Ew"][0], 1e-5)
    outputs = head(g["M"])(ops.convert_to_tensor(g["h"]))
    y, y2 = (ops.convert_to_tensor(g[k], dtype="int32") for k in ("y", "y2"))
    assert_close(ops.mean(loss.mixup_loss(y, y2, 0.0, outputs)), g["ew_loss_y2"], 1e-4)
    mixed = ops.mean(loss.mixup_loss(y, y2, float(g["lam"]), outputs))
    assert_close(mixed, g["ew_mixup"], 1e-4)
    both = float(g["lam"]) * g["ew_loss"] + (1 - float(g["lam"])) * g["ew_loss_y2"]
    assert_close(mixed, both, 1e-4)


@golden_cases("golden_ext/longtail_counts.npz", "global_Ew_{name}_{ratio}")
def test_golden_long_tail_lengths(golden, name, ratio):
    g = golden("golden_ext/longtail_counts.npz")
    expected = g[f"global_Ew_{name}_{ratio}"][0]
    assert_close(class_lengths(g[f"{name}_exp_{ratio}"]), expected, 1e-6)


# The twin --------------------------------------------------------------------------------------


@pytest.mark.parametrize("reg_lam", [0.0, 0.01])
@pytest.mark.parametrize("lengths", [None, "batch", [0.5, 1.0, 2.0, 3.0]])
def test_twin(case, lengths, reg_lam):
    h, frame, labels = case
    e = {"batch": batch_lengths_twin(labels, 4), None: np.ones(4)}.get(str(lengths), lengths)
    e = np.ones(4) if lengths is None else e
    norms = np.linalg.norm(h, axis=1)
    check_loss(
        DotRegression(lengths, reg_lam=reg_lam, dtype=DTYPE),
        labels,
        head(frame),
        lambda x: twin(x, frame, labels, e, reg_lam),
        h,
        gradient_twin=lambda x: twin(x, frame, labels, e, reg_lam, constant=norms),
    )


def test_gradient_points_along_the_class_vector(case):
    h, frame, labels = case
    loss = DotRegression(None, dtype=DTYPE)
    dh = gradient(lambda x: loss(labels, head(frame)(x)), h.astype(DTYPE))
    for b, y in enumerate(labels):
        off = dh[b] - (dh[b] @ frame[:, y]) * frame[:, y]
        assert np.abs(off).max() < 1e-5 * np.abs(dh[b]).max()


def test_unit_features_give_the_squared_cosine_error(case):
    h, frame, labels = case
    h = h / np.linalg.norm(h, axis=1, keepdims=True)
    e = batch_lengths_twin(labels, 4)
    expected = np.mean([0.5 * e[y] ** 2 * (x @ frame[:, y] - 1) ** 2 for x, y in zip(h, labels)])
    outputs = head(frame)(ops.convert_to_tensor(h, dtype=DTYPE))
    assert_close(DotRegression(dtype=DTYPE)(labels, outputs), expected)


def test_cosines_stand_for_features(case):
    h, frame, labels = case
    loss = DotRegression("batch", reg_lam=0.01, dtype=DTYPE)

    def by_cosines(x):
        logits = ops.matmul(x, ops.convert_to_tensor(frame, dtype=x.dtype))
        norm = ops.sqrt(ops.sum(x * x, axis=-1, keepdims=True))
        return loss(labels, {"logits": logits, "cosines": logits / norm})

    x = h.astype(DTYPE)
    direct = loss(labels, head(frame)(ops.convert_to_tensor(x)))
    assert_close(by_cosines(ops.convert_to_tensor(x)), np.asarray(ops.convert_to_numpy(direct)))
    expected = gradient(lambda h: loss(labels, head(frame)(h)), x)
    assert_close(gradient(by_cosines, x), expected, 1e-4)


def test_class_lengths_even_out_the_classes():
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 500, 30)
    e = class_lengths(counts)
    for k in range(30):
        assert counts[k] * e[k] ** 2 == pytest.approx(counts.sum() / 30)


# Contract --------------------------------------------------------------------------------------


def test_extreme_inputs_stay_finite(case):
    _, frame, labels = case
    check_finite(
        DotRegression("batch", reg_lam=0.01),
        labels,
        head(frame),
        extremes(np.random.default_rng(0), 9, 6),
    )


def test_batch_of_one_and_single_class(case):
    h, frame, _ = case
    loss = DotRegression(dtype=DTYPE)
    plain = DotRegression(None, dtype=DTYPE)
    for rows, labels in ((h[:1], [2]), (h, [1] * 9)):
        outputs = head(frame)(ops.convert_to_tensor(rows, dtype=DTYPE))
        assert_close(loss(labels, outputs), float(plain(labels, outputs)))


def test_labels_above_256_stay_exact():
    keras.config.set_dtype_policy("mixed_bfloat16")
    logits = np.full((2, 600), -1.0, "float32")
    logits[0, 301], logits[1, 599] = 1.0, 1.0
    features = np.ones((2, 1), "float32")
    assert float(DotRegression()([301, 599], {"logits": logits, "features": features})) == 0.0


@pytest.mark.parametrize("lengths", ["class", [1.0, -1.0], [[1.0]], [np.inf, 1.0]])
def test_bad_lengths(lengths):
    with pytest.raises(ValueError, match="Class lengths must be"):
        DotRegression(lengths)


def test_other_errors():
    with pytest.raises(ValueError, match="reg_lam"):
        DotRegression(reg_lam=-1)
    with pytest.raises(ValueError, match=r"features.*Received: \['logits'\]"):
        DotRegression()([0], {"logits": ops.ones((1, 2))})
    with pytest.raises(ValueError, match="one-hot"):
        DotRegression()(np.eye(2), {"logits": ops.ones((2, 2)), "features": ops.ones((2, 2))})
    with pytest.raises(ValueError, match="positive"):
        class_lengths([3, 0])
