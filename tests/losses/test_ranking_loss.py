import numpy as np
import pytest
from keras import ops

from keras_haframe.losses import RankingLoss
from tests.gradients import DTYPE, assert_close, gradient, value_and_gradients
from tests.losses.checks import check_finite, check_loss, extremes
from tests.losses.twins import cosine_head, unit_rows


def twin(u, embeddings, labels, margin):
    total = 0.0
    for row, y in zip(u, labels):
        unit = row / np.sqrt(row @ row)
        for e in embeddings:
            total += max(0.0, margin + unit @ e - unit @ embeddings[y])
    return total / len(labels)


def test_golden(golden):
    g = golden("golden/embedding_losses.npz")
    loss = RankingLoss(0.1, dtype=DTYPE)
    outputs = cosine_head(g["embeddings"])
    value, (slope,) = value_and_gradients(
        lambda u: loss(g["labels"], outputs(u)), [g["inputs"].astype(DTYPE)]
    )
    assert_close(value, g["ranking_all_negatives__loss"])
    assert_close(slope, g["ranking_all_negatives__grad_inputs"])


def test_worked_by_hand():
    # True class at 0.5: itself 0.1; 0.45 violates by 0.05, 0.9 by 0.5, 0.3 not at all.
    cosines = ops.convert_to_tensor([[0.5, 0.45, 0.9, 0.3]])
    assert float(RankingLoss(0.1)([0], cosines)) == pytest.approx(0.1 + 0.05 + 0.5)
    assert float(RankingLoss(0.1)([0], {"cosines": cosines})) == pytest.approx(0.65)
    assert float(RankingLoss(0.1)([2], cosines)) == pytest.approx(0.1)  # ranked first: constant


@pytest.mark.parametrize("margin", [0.05, 0.1, 1.0])
def test_twin(margin):
    rng = np.random.default_rng(8)
    embeddings, labels = unit_rows(rng, 7, 4), np.array([0, 6, 6, 2])
    check_loss(
        RankingLoss(margin, dtype=DTYPE),
        labels,
        cosine_head(embeddings),
        lambda u: twin(u, embeddings, labels, margin),
        rng.standard_normal((4, 4)),
    )


def test_no_gradient_once_every_class_is_ranked():
    loss = RankingLoss(0.1)
    x = np.array([[0.9, 0.7, -0.2]], "float32")
    assert_close(gradient(lambda c: loss([0], c), x), np.zeros((1, 3)))
    assert_close(gradient(lambda c: loss([1], c), x), np.array([[1.0, -1.0, 0.0]]))


def test_extreme_inputs_stay_finite():
    rng = np.random.default_rng(9)
    outputs, labels = cosine_head(unit_rows(rng, 5, 5)), np.array([0, 0, 1, 3, 2, 2])
    inputs = extremes(rng, 6, 5)
    check_finite(RankingLoss(), labels, outputs, inputs[:2] + inputs[3:])


@pytest.mark.parametrize("margin", [0.0, -0.1, float("nan"), float("inf")])
def test_bad_margin(margin):
    with pytest.raises(ValueError, match="margin"):
        RankingLoss(margin)
