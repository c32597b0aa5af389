"""`TargetCosines`: one value for head, loss, frame and figures."""

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.frames import TargetCosines, TreeFrame, min_similarity, similarity
from keras_haframe.layers import FrameClassifier
from keras_haframe.losses import FrameCosineLoss, HAFrameLoss
from tests.trees import SHAPES, regular

WORDS = [(c, m) for c in ("depth", "subtree") for m in ("exponential", "linear")]


@pytest.mark.parametrize(("convention", "mapping"), WORDS)
@pytest.mark.parametrize("kind", SHAPES)
def test_matrix_is_the_similarity(kind, convention, mapping):
    tree = SHAPES[kind]()
    for method in ("exact", "grid"):
        target = TargetCosines(
            tree, 1.5, min_similarity=method, convention=convention, mapping=mapping
        )
        s_min = min_similarity(tree, 1.5, method, mapping, convention)
        assert target.s_min == s_min
        expected = similarity(tree.distances(convention), 1.5, s_min, mapping)
        np.testing.assert_allclose(target.matrix(), expected, atol=1e-12)
        indicators = np.asarray(tree.ancestors, float)
        sums = np.einsum("n,nk,nj->kj", target.weights, indicators, indicators)
        np.testing.assert_allclose(sums, expected, atol=1e-10)
        w = TreeFrame(target).dense()
        np.testing.assert_allclose(w @ w.T, expected, atol=1e-9)


def test_head_and_loss_share_it(uneven_tree):
    target = TargetCosines(uneven_tree, 2.0, min_similarity=0.1, convention="subtree")
    parts = (FrameClassifier(target), FrameCosineLoss(target), HAFrameLoss(target, alpha=0.3))
    for part in parts:
        assert part.target is target
        config = part.get_config()
        assert (config["gamma"], config["convention"]) == (2.0, "subtree")
        again = type(part).from_config(config)
        assert again.target.get_config() == target.get_config()


@pytest.mark.parametrize("height, gamma", [(1, 0.4), (2, 0.8), (3, 1.2), (5, 2.0), (12, 2.0)])
def test_gamma_of_a_tree(height, gamma):
    """0.4 a level and at most 2; configurations hold the number."""
    tree = regular(2, height)
    target = TargetCosines(tree)
    assert target.gamma == pytest.approx(gamma) == target.get_config()["gamma"]
    assert TargetCosines(tree, mapping="linear").gamma == 0
    np.testing.assert_array_equal(target.matrix(), TargetCosines(tree, gamma=target.gamma).matrix())
    if height > 5:
        return
    for method in ("haframe", "haframe_dr", "ntce"):
        made = kh.methods.get(method, tree)
        assert made.target.gamma == made.options()["gamma"] == target.gamma
        assert kh.methods.get(method, tree, gamma=3).options()["gamma"] == 3


def test_config_round_trip_and_repr(tree):
    target = TargetCosines(tree, 3.0, min_similarity="exact", mapping="linear")
    again = TargetCosines(**target.get_config())
    assert again.get_config() == target.get_config()
    assert repr(TargetCosines(tree, 2.0)).startswith("TargetCosines(4 classes, gamma=2")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"gamma": 0.0}, "`gamma` must be positive"),
        ({"min_similarity": -3.0}, "exact bound of this tree"),
        ({"min_similarity": "best"}, "'exact' or 'grid'"),
        ({"convention": "up"}, "`convention` must be one of"),
        ({"mapping": "cubic"}, "`mapping` must be one of"),
    ],
)
def test_bad_arguments(tree, options, match):
    with pytest.raises(ValueError, match=match):
        TargetCosines(tree, **options)
    with pytest.raises(ValueError, match=match):
        kh.methods.get("haframe", tree, **options)


@pytest.mark.parametrize("takes", [TreeFrame, FrameClassifier, FrameCosineLoss, kh.diagnose])
def test_target_cosines_beside_arguments_for_others(tree, takes):
    """Two answers to one question are an error, not a silent choice."""
    target = TargetCosines(tree, 2.0)
    for options in ({"gamma": 3.0}, {"min_similarity": 0.0}, {"convention": "subtree"}):
        (name,) = options
        with pytest.raises(ValueError, match=rf"has its own `{name}`.*Received: {name}="):
            takes(target, **options)
