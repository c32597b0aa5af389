"""The forms of the frame: equal where they are exact, which one is taken, what a file holds."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.frames import LowRankFrame, choice
from keras_haframe.layers import ETFClassifier, FrameClassifier
from keras_haframe.losses import HAFrameLoss
from keras_haframe.tree_ops.low_rank import low_rank_matvec
from tests.brute_force import softmax
from tests.compiled import compiled
from tests.gradients import BACKEND, DTYPE, assert_close, dot, gradient
from tests.layers.fixed import rows
from tests.trees import TREES, random_tree, wide


def check_agreement(tree):
    """Logits, loss, gradient, metrics and CRM of the same features, turned to each frame."""
    k, n = tree.num_classes, tree.num_nodes
    options = {"min_similarity": 0.0, "dtype": DTYPE}
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(6, k)), rng.integers(0, k, 6)
    structured = FrameClassifier(tree, 1.5, frame="structured", **options).frame(k)
    loss, found = HAFrameLoss(tree, 1.5, **options), {}
    for kind, dim in (("structured", k), ("dense", k), ("low_rank", n)):
        layer = FrameClassifier(tree, 1.5, frame=kind, **options)
        turn = np.linalg.solve(structured, layer.frame(dim))  # W = S_structured turn
        x = (features @ turn).astype(DTYPE)
        logits = ops.convert_to_numpy(layer(x)["logits"])
        gradients = gradient(lambda x, call=layer: ops.mean(loss.loss(labels, call(x))), x)
        measures = [m(labels, logits) for m in kh.metrics.headline_metrics(tree)]
        risk = kh.decisions.conditional_risk(softmax(logits.astype("float64")), tree)
        value = float(ops.mean(loss.loss(labels, layer(x))))
        found[kind, dim] = [logits, value, gradients @ turn.T, measures, ops.convert_to_numpy(risk)]
    first = found.pop(("structured", k))
    for others in found.values():
        for one, other in zip(first, others):
            np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", TREES)
def test_exact_forms_agree(name):
    check_agreement(TREES[name]())


@pytest.mark.parametrize(
    "name",
    [
        "fgvc_aircraft",
        "cifar100",
        pytest.param("tiered_imagenet_h", marks=pytest.mark.slow),
        pytest.param("inaturalist2019", marks=pytest.mark.slow),
    ],
)
def test_exact_forms_agree_on_the_papers_trees(benchmark_tree, name):
    check_agreement(benchmark_tree(name))


@pytest.mark.parametrize("dim", [1, 4, 17, 64])
def test_low_rank_operator(dim):
    """Against the NumPy twin, plain and compiled, with its gradient."""
    rng = np.random.default_rng(dim)
    for classes in (2, 40):
        frame = LowRankFrame(random_tree(rng, classes), dim, 1.5, seed=2)
        x, weight = rng.normal(size=(3, dim)).astype(DTYPE), rng.normal(size=(3, classes))
        assert_close(low_rank_matvec(frame, ops.convert_to_tensor(x)), frame.matvec(x), 1e-4)
        assert_close(compiled(lambda x, f=frame: low_rank_matvec(f, x))(x), frame.matvec(x), 1e-4)
        found = gradient(
            lambda x, f=frame, w=weight: dot(low_rank_matvec(f, x), w.astype(DTYPE)), x
        )
        assert_close(found, weight @ frame.dense(), 1e-4)


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch does not compile with XLA")
def test_compiled_gradient():
    frame = LowRankFrame(wide(), 16, 1.5)
    x, weight = np.ones((2, 16), DTYPE), np.random.default_rng(0).normal(size=(2, 400))
    found = gradient(
        lambda x: dot(low_rank_matvec(frame, x), weight.astype(DTYPE)), x, compiled=True
    )
    assert_close(found, weight @ frame.dense(), 1e-4)


def test_automatic_choice():
    kinds = [choice.frame_kind("auto", classes) for classes in (4, 1010, 1011, 3_000_000)]
    assert kinds == ["dense", "dense", "structured", "structured"]
    assert all(choice.frame_kind(kind, 5000) == kind for kind in choice.KINDS)


def test_kind_and_configuration():
    tree = wide(60, 20)
    for dim, kind in ((1200, "structured"), (1210, "structured"), (32, "low_rank")):
        layer = FrameClassifier(tree, frame="low_rank" if dim < 1200 else "auto")
        layer.build((None, dim))
        assert (layer.get_config()["frame"], layer.kind) == (layer.frame_option, kind)
        assert layer.variables == []
        again = FrameClassifier.from_config(layer.get_config())
        again.build((None, dim))
        assert again.kind == kind == layer.get_config()["kind"]
    with pytest.raises(ValueError, match="features of 1200 dimensions.*network='II'"):
        FrameClassifier(tree).build((None, 32))
    with pytest.raises(ValueError, match="`frame` must be one of"):
        FrameClassifier(tree, frame="sparse")


def test_wide_features_of_a_structured_frame(tree):
    layer = FrameClassifier(tree, 1.0, frame="structured", dtype=DTYPE)
    assert_close(rows(layer, 6), layer.frame(6))
    assert not layer.frame(6)[:, 4:].any()


@pytest.mark.parametrize("structured", [True, False])
def test_configurations_from_before(tree, structured):
    config = FrameClassifier(tree, 2.0, seed=3).get_config()
    del config["frame"], config["kind"]
    layer = FrameClassifier.from_config({**config, "structured": structured})
    assert layer.frame_option == ("structured" if structured else "dense")


def test_etf_of_many_classes_holds_no_matrix():
    layer = ETFClassifier(1100, dtype=DTYPE)
    w = rows(layer, 1101)
    assert layer.variables == []
    gram = np.full((1100, 1100), -1 / 1099)
    np.fill_diagonal(gram, 1.0)
    np.testing.assert_allclose(w @ w.T, gram, atol=1e-5)


def test_dense_frame_of_many_classes_is_made_from_the_wavelet():
    tree = wide(60, 20)
    target = kh.frames.TargetCosines(tree, 1.5)
    found = [kh.frames.hierarchy_aware_frame(target, 1205, seed) for seed in (None, 0, 0, 1)]
    for w in found:
        np.testing.assert_allclose(w @ w.T, target.matrix(), atol=1e-9)
    np.testing.assert_array_equal(found[1], found[2])
    assert np.abs(found[1] - found[3]).max() > 0.01 < np.abs(found[1][:, 1200:]).max()
    assert keras.backend.standardize_dtype(found[0].dtype) == "float64"
