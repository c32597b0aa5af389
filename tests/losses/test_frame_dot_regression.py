import numpy as np
import pytest
import scipy.optimize
from keras import ops

import keras_haframe as kh
from keras_haframe.losses import FrameDotRegression
from tests.gradients import DTYPE, assert_close
from tests.losses.checks import check_finite, check_loss, extremes
from tests.trees import random_tree


def frame_of(tree, gamma=1.0):
    s_min = kh.frames.min_similarity(tree, gamma, "grid")
    return kh.frames.hierarchy_aware_frame(kh.frames.similarity(tree.distances(), gamma, s_min))


def head(frame):
    def outputs(x):
        logits = ops.matmul(x, ops.convert_to_tensor(frame.T, dtype=x.dtype))
        squared = ops.sum(x * x, axis=-1, keepdims=True)
        inverse = ops.where(squared > 1e-16, ops.rsqrt(ops.maximum(squared, 1e-16)), 0.0)
        return {"logits": logits, "cosines": logits * ops.cast(inverse, x.dtype)}

    return outputs


def twin(x, frame, labels, weight=0.0, e=None):
    total = 0.0
    for row, y in zip(x, labels):
        cos = row @ frame[y] / np.sqrt(row @ row)
        logits = [float(row @ w) for w in frame]
        top = max(logits)
        entropy = top + np.log(sum(np.exp(z - top) for z in logits)) - logits[y]
        total += 0.5 * (1.0 if e is None else e[y] ** 2) * (cos - 1) ** 2 + weight * entropy
    return total / len(labels)


def test_worked_tree():
    # cos 1, 0 and -1 give 0, 1/2 and 2.
    outputs = {"logits": ops.zeros((3, 2)), "cosines": [[1.0, 0], [0, 1.0], [-1.0, 0]]}
    outputs["cosines"] = ops.convert_to_tensor(outputs["cosines"])
    assert float(FrameDotRegression()([0, 0, 0], outputs)) == pytest.approx(2.5 / 3)
    # Cross-entropy of two equal logits: log 2.
    with_entropy = FrameDotRegression(cross_entropy=0.5)([0, 0, 0], outputs)
    assert float(with_entropy) == pytest.approx(2.5 / 3 + 0.5 * np.log(2))


@pytest.mark.parametrize("weight", [0.0, 0.3])
@pytest.mark.parametrize("lengths", [None, "batch"])
def test_twin(uneven_tree, weight, lengths):
    rng = np.random.default_rng(1)
    frame = frame_of(uneven_tree)
    x, labels = rng.standard_normal((8, 7)), np.array([0, 0, 0, 1, 4, 6, 6, 2])
    counts = np.bincount(labels, minlength=7)
    e = np.sqrt(8 / 5 / np.maximum(counts, 1)) if lengths else None
    check_loss(
        FrameDotRegression(lengths, cross_entropy=weight, dtype=DTYPE),
        labels,
        head(frame),
        lambda x: twin(x, frame, labels, weight, e),
        x,
    )


def test_optimum_is_the_class_vector_on_any_frame():
    rng = np.random.default_rng(2)
    frame = frame_of(random_tree(rng, 9), gamma=2.0)
    outputs = head(frame)(ops.convert_to_tensor(3.0 * frame, dtype=DTYPE))
    assert float(FrameDotRegression(dtype=DTYPE)(np.arange(9), outputs)) == pytest.approx(
        0.0, abs=1e-10
    )


def best_direction_of_cross_entropy(frame, y, radius):
    """Unit vector that minimizes the cross-entropy on a sphere, by a general solver."""

    def entropy(v):
        z = frame @ (radius * v / np.sqrt(v @ v))
        return np.log(np.exp(z - z.max()).sum()) + z.max() - z[y]

    best = scipy.optimize.minimize(entropy, frame[y], method="BFGS", options={"gtol": 1e-9}).x
    return best / np.linalg.norm(best)


def test_cross_entropy_alone_misses_the_class_vector(tree, uneven_tree):
    """The reason for this loss: docs/methods/haframe_dr.md quotes it."""
    etf = kh.frames.simplex_etf(4)
    assert best_direction_of_cross_entropy(etf, 0, 5.0) @ etf[0] == pytest.approx(1.0, abs=1e-6)
    for other, least in ((tree, 28.0), (uneven_tree, 5.0)):
        frame = frame_of(other)
        cosines = [best_direction_of_cross_entropy(frame, y, 5.0) @ frame[y] for y in range(4)]
        assert np.degrees(np.arccos(cosines)).max() > least


def test_extreme_inputs_stay_finite(uneven_tree):
    loss = FrameDotRegression("batch", cross_entropy=0.5)
    labels = np.array([0, 1, 2, 3, 4, 5, 6, 6])
    check_finite(
        loss, labels, head(frame_of(uneven_tree)), extremes(np.random.default_rng(0), 8, 7)
    )


def test_batch_lengths_act_in_training_only():
    outputs = {"logits": ops.zeros((4, 2)), "cosines": ops.convert_to_tensor([[0.0, 0.5]] * 4)}
    loss = FrameDotRegression("batch")
    labels = [0, 0, 0, 1]
    trained = (3 * (2 / 3) * 0.5 + 2 * 0.125) / 4
    assert float(loss(labels, outputs)) == pytest.approx(trained)
    evaluated = loss(labels, outputs, training=False)
    assert float(evaluated) == pytest.approx((3 * 0.5 + 0.125) / 4)
    assert_close(evaluated, float(FrameDotRegression()(labels, outputs)), 1e-6)


def test_errors():
    with pytest.raises(ValueError, match="cross_entropy"):
        FrameDotRegression(cross_entropy=-1)
    with pytest.raises(ValueError, match="cosines"):
        FrameDotRegression()([0], {"logits": ops.ones((1, 2)), "features": ops.ones((1, 2))})
    assert "reg_lam" not in FrameDotRegression().get_config()
