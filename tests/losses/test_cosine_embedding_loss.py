import numpy as np
import pytest
from keras import ops

from keras_haframe.losses import CosineEmbeddingLoss
from tests.golden import match
from tests.gradients import DTYPE, RTOL, assert_close, value_and_gradients
from tests.losses.checks import check_finite, check_loss, extremes
from tests.losses.twins import cosine_head, unit_rows


def twin(u, embeddings, labels, weight):
    total = 0.0
    for row, y in zip(u, labels):
        cos = sum(a * b for a, b in zip(row, embeddings[y])) / np.sqrt(sum(a * a for a in row))
        total += 1 - cos
        if weight:
            total += weight * (np.log(sum(np.exp(z) for z in row)) - row[y])
    return total / len(labels)


@pytest.mark.parametrize(("key", "weight"), [("cosine", 0.0), ("cosine_plus_xent", 0.1)])
def test_golden(golden, key, weight):
    g = golden("golden/embedding_losses.npz")
    loss = CosineEmbeddingLoss(weight, dtype=DTYPE)
    outputs = cosine_head(g["embeddings"])
    value, (gradient,) = value_and_gradients(
        lambda u: loss(g["labels"], outputs(u)), [g["inputs"].astype(DTYPE)]
    )
    assert_close(value, g[f"{key}__loss"])
    assert_close(gradient, g[f"{key}__grad_inputs"], max(RTOL, 1e-6))


def test_golden_decoding(golden):
    g = golden("golden/embedding_losses.npz")
    cosines = ops.convert_to_numpy(
        cosine_head(g["embeddings"])(ops.convert_to_tensor(g["inputs"], dtype=DTYPE))["cosines"]
    )
    expected = g["nn_decoding_topk_indices"]
    top = np.argsort(-cosines, axis=1)[:, : expected.shape[1]]
    np.testing.assert_array_equal(top, expected)
    hits = top == g["labels"][:, None]
    (ks,) = match("nn_decoding_acc_at_{first}_{last}", g)
    accuracies = [hits[:, : int(k)].any(1).mean() for k in ks.values()]
    np.testing.assert_allclose(accuracies, g["nn_decoding_acc_at_{first}_{last}".format(**ks)])


def test_worked_by_hand():
    # Embeddings on the axes; u = (3, 4) has cosines 0.6 and 0.8.
    outputs = cosine_head(np.eye(2))(ops.convert_to_tensor([[3.0, 4.0]]))
    assert float(CosineEmbeddingLoss(0.0)([0], outputs)) == pytest.approx(0.4)
    entropy = np.log(1 + np.exp(1.0))  # logits 3 and 4, label 0
    assert float(CosineEmbeddingLoss(0.1)([0], outputs)) == pytest.approx(0.4 + 0.1 * entropy)


@pytest.mark.parametrize("weight", [0.0, 0.1, 2.0])
def test_twin(weight):
    rng = np.random.default_rng(4)
    embeddings, labels = unit_rows(rng, 6, 6), np.array([0, 5, 5, 2, 1])
    check_loss(
        CosineEmbeddingLoss(weight, dtype=DTYPE),
        labels,
        cosine_head(embeddings),
        lambda u: twin(u, embeddings, labels, weight),
        rng.standard_normal((5, 6)),
    )


def test_plain_cosine_distance_takes_any_width():
    rng = np.random.default_rng(5)
    embeddings, labels = unit_rows(rng, 6, 3), np.array([3, 4])
    check_loss(
        CosineEmbeddingLoss(0.0, dtype=DTYPE),
        labels,
        cosine_head(embeddings),
        lambda u: twin(u, embeddings, labels, 0.0),
        rng.standard_normal((2, 3)),
    )


def test_does_not_depend_on_the_length_without_cross_entropy():
    rng = np.random.default_rng(6)
    outputs, u = cosine_head(unit_rows(rng, 4, 4)), rng.standard_normal((3, 4)).astype(DTYPE)
    loss, labels = CosineEmbeddingLoss(0.0, dtype=DTYPE), [0, 1, 2]
    long = float(loss(labels, outputs(ops.convert_to_tensor(7.5 * u))))
    assert_close(loss(labels, outputs(ops.convert_to_tensor(u))), long)


def test_extreme_inputs_stay_finite():
    rng = np.random.default_rng(7)
    labels = np.array([0, 0, 1, 3, 2, 2])
    outputs = cosine_head(unit_rows(rng, 5, 5))
    for weight in (0.0, 0.1):
        check_finite(CosineEmbeddingLoss(weight), labels, outputs, extremes(rng, 6, 5)[:2])
        check_finite(CosineEmbeddingLoss(weight), labels, outputs, extremes(rng, 6, 5)[3:])


def test_errors():
    with pytest.raises(ValueError, match="cross_entropy"):
        CosineEmbeddingLoss(-0.1)
    outputs = {"cosines": ops.ones((1, 4)), "features": ops.ones((1, 3))}
    with pytest.raises(ValueError, match="one dimension per class, 4"):
        CosineEmbeddingLoss()([0], outputs)
