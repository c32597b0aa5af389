"""Against the vectors made by the published implementations."""

import numpy as np
import pytest

from keras_haframe.collapse import (
    NC4,
    NeuralCollapse,
    class_means,
    duality,
    frame_gap,
    neural_collapse,
)
from tests.golden import golden_cases, load

CONVENTIONS = {"class": "u", "sample": "w"}


def single(name):
    """Whether the reference computed a file in float32 throughout."""
    return load(f"golden_ext/nc_{name}.npz")["mu"].dtype == np.float32


nc_cases = golden_cases("golden_ext/nc_{name}.npz")
float64_cases = golden_cases("golden_ext/nc_{name}.npz", keep=lambda name: not single(name))


def streamed(z, **options):
    k, d = z["W"].shape
    nc = NeuralCollapse(k, d, **options)
    for i in range(0, len(z["y"]), 13):
        nc.update(z["X"][i : i + 13], z["y"][i : i + 13])
    return nc


@pytest.mark.parametrize("mean", CONVENTIONS)
@nc_cases
def test_extension_vectors(golden, name, mean):
    z, suffix = golden(f"golden_ext/nc_{name}.npz"), CONVENTIONS[mean]
    tolerance = 1e-6
    found = streamed(z, mean=mean).result(z["W"])  # the reference drops the bias
    pairs = {
        "nc1": "nc1_pinv",
        "nc1_quotient": "nc1_quot",
        "nc2": "nc2_etf",
        "nc3": "nc3_dual",
    }
    for ours, theirs in pairs.items():
        expected = z[f"{theirs}_{suffix}"]
        np.testing.assert_allclose(found[ours], expected, rtol=tolerance, err_msg=ours)
    if f"nc1_svd_{suffix}" in z:
        np.testing.assert_allclose(found["nc1"], z[f"nc1_svd_{suffix}"], rtol=tolerance)
    np.testing.assert_allclose(found["cdnv"], z["cdnv"], rtol=tolerance)
    np.testing.assert_allclose(1 - found["nc4"], z["nc4_agree"], rtol=1e-12)
    np.testing.assert_allclose(1 - found["nc4_macro"], z["nc4_agree_weighted_false"], rtol=1e-12)
    cosines = z[f"nc3_cos_{suffix}"]
    np.testing.assert_allclose(found["alignment"], cosines.mean(), rtol=tolerance)
    norms = z[f"nc2_norms_{suffix}"]
    np.testing.assert_allclose(found["equinorm"], norms.std() / norms.mean(), rtol=1e-5)


@nc_cases
def test_extension_moments(golden, name):
    z = golden(f"golden_ext/nc_{name}.npz")
    tolerance = {"rtol": 1e-6, "atol": 2e-6 if single(name) else 1e-10}
    nc = streamed(z)
    np.testing.assert_array_equal(nc.counts, z["counts"])
    np.testing.assert_allclose(nc.class_means, z["mu"], **tolerance)
    np.testing.assert_allclose(nc.within_covariance, z["Sigma_W"], **tolerance)
    np.testing.assert_allclose(nc.class_variances, z["var_norms"], **tolerance)


@float64_cases
def test_second_reference(golden, name):
    """Its NC3 and NC2 of the weights are float32 (1e-7); the sample mean throughout."""
    z = golden(f"golden_ext/nc_{name}.npz")
    found = streamed(z, mean="sample").result(z["W"], z["b"])
    np.testing.assert_allclose(found["nc1"], z["tding_nc1"], rtol=1e-6)
    np.testing.assert_allclose(found["nc3"], z["tding_nc3"], rtol=1e-6)
    np.testing.assert_allclose(found["offset"], z["tding_bias"], rtol=1e-6)
    weights = frame_gap(z["W"], centered=False)
    np.testing.assert_allclose(weights["gram"], z["tding_nc2_W"], rtol=1e-6)


@float64_cases
def test_two_pass_nc4_equals_the_reference(golden, name):
    z = golden(f"golden_ext/nc_{name}.npz")
    nc4 = NC4(z["mu"], z["counts"])
    for i in range(0, len(z["y"]), 50):
        part = slice(i, i + 50)
        nc4.update_linear(z["X"][part], z["y"][part], classifier=z["W"])
    result = nc4.result()
    np.testing.assert_allclose(1 - result["nc4"], z["nc4_agree"], rtol=1e-12)
    np.testing.assert_allclose(1 - result["nc4_macro"], z["nc4_agree_weighted_false"], rtol=1e-12)


@golden_cases("golden/neural_collapse.npz", "{case}__class_means")
def test_haframe_vectors(golden, case):
    z = golden("golden/neural_collapse.npz")
    features, labels, rows, means, center, *_ = (
        z[f"{case}__{name}"]
        for name in ("features", "labels", "W_rows", "class_means", "global_mean")
    )
    k = len(rows)
    found, counts = class_means(features, labels, k)
    np.testing.assert_allclose(found, means, rtol=1e-6, atol=1e-12)
    # Their center is the mean over images.
    np.testing.assert_allclose(counts / counts.sum() @ found, center[0], rtol=1e-6, atol=1e-12)
    s = rows @ rows.T
    sets = {"classifier": rows, "centered_means": means - center, "raw_means": means}
    for name, vectors in sets.items():
        # The reference sets centered means against the uncentered S as well.
        for kind, target in (("ETF", None), ("HAF", s)):
            gap = frame_gap(vectors, target, centered=False)
            expected = z[f"{case}__{kind}__{name}__mean_std"]
            pair = [gap["angle_mean"], gap["angle_std"]]
            np.testing.assert_allclose(pair, expected, rtol=1e-6, atol=1e-12)
    for name in ("centered", "raw"):
        vectors = sets[f"{name}_means"]
        expected = z[f"{case}__duality_{name}"]
        np.testing.assert_allclose(duality(rows, vectors), expected, rtol=1e-6)


@golden_cases("golden/neural_collapse.npz", "{case}__class_means")
def test_haframe_vectors_through_neural_collapse(golden, case):
    z = golden("golden/neural_collapse.npz")
    features, labels, rows = (z[f"{case}__{name}"] for name in ("features", "labels", "W_rows"))
    k = len(rows)
    etf = neural_collapse(features, labels, k, rows, mean="sample")
    expected = z[f"{case}__ETF__centered_means__mean_std"]
    np.testing.assert_allclose([etf["equiangle"], etf["equiangle_std"]], expected, rtol=1e-6)
    np.testing.assert_allclose(etf["duality"], z[f"{case}__duality_centered"], rtol=1e-6)
    raw = neural_collapse(features, labels, k, rows, target=rows @ rows.T, centered=False)
    expected = z[f"{case}__HAF__raw_means__mean_std"]
    np.testing.assert_allclose([raw["equiangle"], raw["equiangle_std"]], expected, rtol=1e-6)
    np.testing.assert_allclose(raw["duality"], z[f"{case}__duality_raw"], rtol=1e-6)
    upper = (rows @ rows.T)[np.triu_indices(k, 1)]
    np.testing.assert_allclose(upper, z[f"{case}__pairwise_cos_classifier"], atol=1e-9)


@golden_cases("golden/frames.npz", "{case+}__gram")
def test_features_collapsed_onto_a_golden_frame(golden, case):
    """Features `c w_y` of a HAFrame: every measure against S is zero, NC2 of the ETF is not."""
    z = golden("golden/frames.npz")
    s = z[f"{case}__S"]
    k = len(s)
    center = np.eye(k) - 1 / k
    grams = {True: center @ s @ center, False: s}
    etf = center / np.sqrt(k - 1)
    if f"{case}__W_rows" in z:
        rows = z[f"{case}__W_rows"]
    else:
        values, vectors = np.linalg.eigh(s)
        rows = vectors * np.sqrt(np.maximum(values, 0))
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(k), 5))
    for centered in (True, False):
        found = neural_collapse(7.0 * rows[labels], labels, k, rows, target=s, centered=centered)
        for name in ("nc1", "nc2", "nc3", "nc4", "cdnv", "equiangle", "duality"):
            assert found[name] < 1e-8, name
        gap = np.linalg.norm(grams[centered] / np.linalg.norm(grams[centered]) - etf)
        assert found["nc2_etf"] == pytest.approx(gap, rel=1e-6, abs=1e-8)
