"""The cosine loss whose targets are the cosines between the classifier's own vectors."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.layers import FrameClassifier
from keras_haframe.losses import HAFrameLoss
from keras_haframe.losses.class_vectors import ClassVectors
from keras_haframe.losses.haframe_loss import default_alpha
from keras_haframe.losses.own_cosines import OwnCosines
from keras_haframe.losses.sampled_classes import sampled_terms
from tests.gradients import DTYPE, assert_close, numeric_gradient, value_and_gradients
from tests.networks import backbone, data
from tests.trees import random_tree

K, DIM, BATCH = 37, 12, 5
FRAMES = ["low_rank", "best_rank"]
TIGHT = 1e-10 if DTYPE == "float64" else 2e-5


def layer_of(tree, frame):
    layer = FrameClassifier(tree, 2.0, min_similarity=0.0, frame=frame, dtype=DTYPE)
    layer.build((None, DIM))
    return layer


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    tree = random_tree(rng, K)
    return tree, rng.integers(0, K, BATCH), rng.normal(size=(BATCH, DIM))


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("block", [None, 10])
def test_twin_with_loops_and_its_differences(case, frame, block):
    tree, labels, x = case
    layer = layer_of(tree, frame)
    rows = layer.frame(DIM)
    loss = HAFrameLoss(tree, 2.0, alpha=0.4, own_cosines=True, class_block=block, dtype=DTYPE)
    loss.classifier = layer

    def mean(x):
        total = 0.0
        for y, f in zip(labels, x):
            z = rows @ f
            total += 0.6 * (np.log(np.exp(z).sum()) - z[y])
            for row in rows:
                total += 0.4 * (row @ f / np.linalg.norm(f) - row @ rows[y]) ** 2
        return total / len(x)

    value, (found,) = value_and_gradients(
        lambda x: loss(labels, {"features": x} if block else layer(x)), [x.astype(DTYPE)]
    )
    assert value == pytest.approx(mean(x), rel=1e-6 if DTYPE == "float64" else 2e-5)
    assert_close(found, numeric_gradient(mean, x), 1e-6 if DTYPE == "float64" else 2e-3)


@pytest.mark.parametrize("frame", FRAMES)
def test_zero_at_the_class_vector_and_nowhere_near(case, frame):
    """The tree's cosines ask a low-rank frame for what it does not have."""
    tree, labels, _ = case
    layer = layer_of(tree, frame)
    outputs = layer((3 * layer.frame(DIM)[labels]).astype(DTYPE))
    loss = HAFrameLoss(tree, 2.0, alpha=1.0, min_similarity=0.0, own_cosines=True, dtype=DTYPE)
    loss.classifier = layer
    assert abs(float(loss(labels, outputs))) < 1e-8
    usual = HAFrameLoss(tree, 2.0, alpha=1.0, min_similarity=0.0, dtype=DTYPE)
    assert float(usual(labels, outputs)) > 0.1


def test_an_exact_frame_has_the_cosines_of_the_tree(case):
    tree, labels, _ = case
    layer = FrameClassifier(tree, 2.0, dtype=DTYPE)
    layer.build((None, K))
    x = np.random.default_rng(1).normal(size=(BATCH, K)).astype(DTYPE)
    losses = [HAFrameLoss(tree, 2.0, own_cosines=own, dtype=DTYPE) for own in (False, True)]
    losses[1].classifier = layer
    found = [value_and_gradients(lambda x, f=f: f(labels, layer(x)), [x]) for f in losses]
    assert found[1][0] == pytest.approx(found[0][0], rel=TIGHT)
    assert_close(found[1][1][0], found[0][1][0], 10 * TIGHT)


def test_drawn_classes_have_them_too(case):
    tree, labels, x = case
    layer = layer_of(tree, "low_rank")
    own = OwnCosines(layer, DTYPE)
    whole = ops.convert_to_numpy(own(ops.convert_to_tensor(labels)))
    classes = np.random.default_rng(2).integers(0, K, (BATCH, 7))
    some = own.at(ops.convert_to_tensor(labels), ops.convert_to_tensor(classes))
    assert_close(some, np.take_along_axis(whole, classes, axis=1), 1e-5)
    draws = np.random.default_rng(3).integers(0, 2**15, (BATCH, 6000, 3)).astype("int32")
    tensors = [ops.convert_to_tensor(a) for a in (x.astype(DTYPE), labels.astype("int32"), draws)]
    _, found = sampled_terms(*tensors, ClassVectors(layer), own)
    want = (ops.convert_to_numpy(layer(x.astype(DTYPE))["cosines"]) - whole) ** 2
    assert_close(found, want.sum(axis=1), 0.1)


@pytest.mark.parametrize("frame", ["low_rank", pytest.param("best_rank", marks=pytest.mark.slow)])
def test_a_method_on_a_narrow_frame_takes_them(uneven_tree, tmp_path, frame):
    images, labels = data(uneven_tree, 2)
    model = kh.build(backbone(), uneven_tree, frame=frame, bottleneck=4)
    assert model.loss.own_cosines and not model.method.options()["own_cosines"]
    model.fit(images, labels, verbose=0)
    want = model.evaluate(images, labels, verbose=0, return_dict=True)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert loaded.evaluate(images, labels, verbose=0, return_dict=True) == pytest.approx(want)
    assert not kh.build(backbone(), uneven_tree).loss.own_cosines


def test_without_a_classifier_the_error_says_what_is_missing(case):
    tree, labels, _ = case
    loss = HAFrameLoss(tree, 2.0, own_cosines=True)
    with pytest.raises(ValueError, match="`own_cosines` need the vectors of"):
        loss(labels, {"logits": np.zeros((BATCH, K)), "cosines": np.zeros((BATCH, K))})


def test_weight_of_the_cosine_loss():
    """The paper's for few classes, then never rising with their number and without a jump."""
    counts = (2, 20, 40, 100, 1_000, 10_000)
    assert [default_alpha(k) for k in counts] == [0.5, 0.5, 0.25, 0.1, 0.1, 0.01]
    every = np.array([default_alpha(k) for k in range(2, 3_000)])
    assert (np.diff(every) <= 0).all() and (np.diff(every) > -0.03).all()
    tree = kh.ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    assert HAFrameLoss(tree).alpha == 0.5 and HAFrameLoss(tree).get_config()["alpha"] == 0.5
    for alpha in ("much", ops.ones((2,))):
        with pytest.raises(ValueError, match="`alpha` must be a number"):
            HAFrameLoss(tree, alpha=alpha)
