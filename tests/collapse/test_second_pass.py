import numpy as np
import pytest

from keras_haframe.collapse import NC4, NeuralCollapse, class_means
from tests.collapse import twins


def setting(seed=0, k=9, d=4, n=120, offset=0.0):
    rng = np.random.default_rng(seed)
    features, labels = twins.draw(rng, k, d, n, spread=1.0, offset=offset)
    return features, labels, rng.standard_normal((k, d)), rng.standard_normal(k)


@pytest.mark.parametrize("tile_bytes", [1, 500, 2**20])
@pytest.mark.parametrize("batch", [1, 13, 120])
def test_nc4_against_loops(monkeypatch, tile_bytes, batch):
    monkeypatch.setattr("keras_haframe.collapse.targets.TILE_BYTES", tile_bytes)
    features, labels, rows, bias = setting()
    means, counts = class_means(features, labels, 9)
    nc4 = NC4(means, counts)
    for i in range(0, 120, batch):
        part = slice(i, i + batch)
        nc4.update(features[part], labels[part], predictions=features[part] @ rows.T + bias)
    micro, macro = twins.disagreement(features, labels, list(range(9)), means, rows, bias)
    assert 0 < micro < 1
    assert nc4.result() == pytest.approx({"nc4": micro, "nc4_macro": macro}, rel=1e-12)


def test_three_ways_to_give_predictions():
    features, labels, rows, bias = setting(1)
    results = []
    scores = features @ rows.T + bias
    for how in ("scores", "ids", "linear"):
        nc4 = NC4(*class_means(features, labels, 9))
        if how == "linear":
            nc4.update_linear(features, labels, classifier=rows, bias=bias)
        else:
            nc4.update(
                features, labels, predictions=scores if how == "scores" else scores.argmax(axis=1)
            )
        results.append(nc4.result())
    assert results[0] == results[1] == results[2]


def test_the_bias_matters():
    nc4 = NC4([[0.0], [4.0]], [1, 1])
    nc4.update_linear([[3.0]], classifier=[[-1.0], [1.0]], bias=[0.0, 0.0])
    assert nc4.result()["nc4"] == 0
    nc4.update_linear([[3.0]], classifier=[[-1.0], [1.0]], bias=[100.0, 0.0])
    assert nc4.result()["nc4"] == 0.5


def test_absent_classes_are_never_nearest():
    # Class 1 has no sample; its row of zeros would be nearest to the origin.
    nc4 = NC4([[4.0, 0], [0, 0], [0, 5.0]], [3, 0, 3])
    assert nc4.nearest([[0.5, 0.0], [0.0, 1.6]]).tolist() == [0, 2]
    nc4.update([[0.5, 0.0]], predictions=[1])
    assert nc4.result()["nc4"] == 1.0


def test_coinciding_means_go_to_the_lower_class():
    nc4 = NC4([[-1.0], [1.0], [1.0]], [1, 1, 1])
    assert nc4.nearest([[0.1], [2.0], [-0.1]]).tolist() == [1, 1, 0]


@pytest.mark.parametrize("offset", [0.0, 1e7])
def test_nearest_mean_far_from_the_origin(offset):
    features, labels, _, _ = setting(2, offset=offset)
    means, counts = class_means(features, labels, 9)
    expected = [int(np.argmin([np.sum((f - m) ** 2) for m in means])) for f in features]
    assert NC4(means, counts).nearest(features).tolist() == expected


def test_merge_and_training_means_on_test_data():
    features, labels, rows, bias = setting(3)
    nc = NeuralCollapse(9, 4)
    nc.update(features[:60], labels[:60])
    whole, left, right = nc.nc4_pass(), nc.nc4_pass(), nc.nc4_pass()
    test, test_labels = features[60:], labels[60:]
    whole.update_linear(test, test_labels, classifier=rows, bias=bias)
    left.update_linear(test[:7], test_labels[:7], classifier=rows, bias=bias)
    right.update_linear(test[7:], test_labels[7:], classifier=rows, bias=bias)
    left.merge(right)
    assert left.result() == pytest.approx(whole.result(), rel=1e-14)
    nc.update(test, test_labels)  # the pass under way keeps the means it started from
    again = nc.nc4_pass()
    with pytest.raises(ValueError, match="same class means"):
        left.merge(again)


def test_macro_needs_labels_everywhere():
    features, labels, rows, _ = setting(4)
    nc4 = NC4(*class_means(features, labels, 9))
    assert np.isnan(list(nc4.result().values())).all()
    nc4.update_linear(features[:0], labels[:0], classifier=rows)
    assert np.isnan(nc4.result()["nc4"])
    nc4.update_linear(features, labels, classifier=rows)
    assert np.isfinite(nc4.result()["nc4_macro"])
    nc4.update_linear(features, classifier=rows)
    assert np.isnan(nc4.result()["nc4_macro"]) and np.isfinite(nc4.result()["nc4"])


def test_errors():
    with pytest.raises(ValueError, match="No class mean is known"):
        NeuralCollapse(3, 2).nc4_pass()
    nc4 = NC4(np.eye(3), [1, 1, 1])
    with pytest.raises(ValueError, match=r"from 0 to 2.*in `predictions`"):
        nc4.update(np.eye(3), predictions=[0, 1, 3])
    with pytest.raises(ValueError, match="`predictions` must be finite"):
        nc4.update(np.eye(3), predictions=np.full((3, 3), np.nan))
    with pytest.raises(ValueError, match="one label per example"):
        nc4.update(np.eye(3), predictions=[0, 1])
    with pytest.raises(ValueError, match="`features` must be finite"):
        nc4.update(np.full((3, 3), np.inf), predictions=[0, 1, 2])
    assert np.isnan(nc4.result()["nc4"])


@pytest.mark.parametrize("k,d", [(9, 4), (5, 12)])
def test_class_variability(k, d):
    features, labels, _, _ = setting(5, k=k, d=d)
    labels[labels == 2] = 1  # class 2 is absent
    features = np.concatenate([features, features[:1] + 1])
    labels = np.r_[labels, k]  # a class of one
    nc = NeuralCollapse(k + 1, d)
    nc.update(features, labels)
    second = nc.class_variability()
    for i in range(0, len(labels), 17):
        second.update(features[i : i + 17], labels[i : i + 17])
    found = second.result()
    assert np.isnan(found[2])
    # A class of one sits on its mean; what is left is rounding.
    assert found[k] < 1e-20
    counts, means, _, _ = twins.moments(features, labels, k + 1)
    seen = np.flatnonzero(counts)
    about = means[seen] - means[seen].mean(axis=0)
    inverse = np.linalg.pinv(about.T @ about / len(seen), rcond=1e-12)
    for y in seen:
        gaps = features[labels == y] - means[y]
        expected = np.trace(gaps.T @ gaps / counts[y] @ inverse) / len(seen)
        np.testing.assert_allclose(found[y], expected, rtol=1e-9, atol=1e-20)
    pooled = np.sum(found[seen] * counts[seen]) / counts.sum()
    np.testing.assert_allclose(pooled, nc.result()["nc1"], rtol=1e-10)


def test_class_variability_without_spread():
    nc = NeuralCollapse(2, 2)
    nc.update(np.ones((4, 2)), [0, 0, 1, 1])
    second = nc.class_variability()
    second.update(np.ones((4, 2)), [0, 0, 1, 1])
    assert np.isnan(second.result()).all()
