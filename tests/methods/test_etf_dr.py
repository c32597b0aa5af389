import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from tests.golden import golden_cases
from tests.gradients import assert_close, gradient
from tests.methods.contract import MethodContract
from tests.networks import backbone, data
from tests.trees import flat

etf_dr_cases = golden_cases("golden_ext/etf_dr_{name}.npz")


class TestETFDotRegression(MethodContract):
    method = "etf_dr"
    learning_rate = 0.2


@pytest.mark.slow
class TestImageNetHead(MethodContract):
    method = "etf_dr"
    options = {"normalize": False, "reg_lam": 0.01, "lengths": [0.5, 1.0, 1.0, 2.0]}
    learning_rate = 0.01

    def test_scores_on_every_tree(self, tree):
        pass  # the class lengths are those of the worked tree


def head_model(g, normalize=True):
    """The method's head alone, with the golden file's ETF and batch normalization."""
    dim, num_classes = g["M"].shape
    method = kh.methods.get("etf_dr", flat(num_classes), normalize=normalize)
    inputs = keras.Input((dim,))
    model = keras.Model(inputs, method.head(inputs, kh.methods.head_norm))
    model.get_layer("classifier").kernel.assign(g["M"])
    norm = model.get_layer("head_norm")
    norm.gamma.assign(g["bn_gamma"])
    norm.beta.assign(g["bn_beta"])
    assert norm.epsilon == pytest.approx(float(g["bn_eps"]))
    return model, norm


@etf_dr_cases
def test_golden_head(golden, name):
    g = golden(f"golden_ext/etf_dr_{name}.npz")
    model, _ = head_model(g)
    outputs = model(g["x"], training=True)
    assert_close(outputs["features"], g["h"], 1e-4)
    assert_close(outputs["logits"], g["logits"], 1e-4)
    assert_close(outputs["cosines"], g["logits"], 1e-4)


@etf_dr_cases
@pytest.mark.parametrize(
    ("key", "loss"),
    [
        ("plain", kh.losses.DotRegression(None)),
        ("ew", kh.losses.DotRegression()),
        ("ewreg", kh.losses.DotRegression("batch", reg_lam=0.01)),
        ("ce", kh.losses.CrossEntropy()),
    ],
)
def test_golden_gradient_through_the_head(golden, name, key, loss):
    g = golden(f"golden_ext/etf_dr_{name}.npz")
    model, _ = head_model(g)
    assert_close(loss(g["y"], model(g["x"], training=True)), g[f"{key}_loss"], 1e-4)
    dx = gradient(lambda x: loss(g["y"], model(x, training=True)), g["x"])
    # The gradient is what batch normalization leaves of larger terms that cancel.
    np.testing.assert_allclose(dx, g[f"{key}_dx"], rtol=1e-3, atol=2e-4 * np.abs(g["ce_dx"]).max())


@etf_dr_cases
def test_golden_running_statistics(golden, name):
    """Four training passes; PyTorch averages the unbiased variance, Keras the biased one."""
    g = golden(f"golden_ext/etf_dr_{name}.npz")
    model, norm = head_model(g)
    for _ in range(4):
        model(g["x"], training=True)
    assert_close(norm.moving_mean, g["bn_mean"], 1e-4)
    n, start = len(g["x"]), 0.9**4
    biased = start + (g["bn_var"] - start) * (n - 1) / n
    assert_close(norm.moving_variance, biased, 1e-4)
    norm.moving_mean.assign(g["bn_mean"])
    norm.moving_variance.assign(g["bn_var"])
    assert_close(model(g["x"], training=False)["features"], g["h_eval"], 1e-4)


@etf_dr_cases
def test_head_without_normalization_keeps_lengths(golden, name):
    g = golden(f"golden_ext/etf_dr_{name}.npz")
    model, _ = head_model(g, normalize=False)
    outputs = model(g["x"], training=True)
    features = ops.convert_to_numpy(outputs["features"])
    assert np.ptp(np.linalg.norm(features, axis=1)) > 0.5
    assert_close(outputs["logits"], features @ g["M"], 1e-4)


@pytest.mark.slow
def test_class_lengths_act_in_training_only(tree):
    """`fit` weighs the classes of a batch evenly, `evaluate` does not."""
    model = kh.build(backbone(), tree, "etf_dr")
    images, _ = data(tree, 2)
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 2], "int32")
    outputs = {k: ops.convert_to_numpy(v) for k, v in model(images, training=False).items()}
    plain = kh.losses.DotRegression(None)
    evaluated = model.evaluate(images, labels, batch_size=8, verbose=0, return_dict=True)["loss"]
    assert evaluated == pytest.approx(float(plain(labels, outputs)), rel=1e-5)
    trained = {k: ops.convert_to_numpy(v) for k, v in model(images, training=True).items()}
    weighted = float(kh.losses.DotRegression("batch")(labels, trained))
    assert weighted != pytest.approx(float(plain(labels, trained)), rel=1e-3)
    model.optimizer.learning_rate = 0.0
    history = model.fit(images, labels, batch_size=8, shuffle=False, verbose=0)
    assert history.history["loss"][0] == pytest.approx(weighted, rel=1e-4)


def test_features_are_those_of_the_classifier(tree):
    model = kh.build(backbone(), tree, "etf_dr")
    images, _ = data(tree, 3)
    features = model.features(images)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1.0, rtol=1e-5)
    rows, bias = model.classifier_weights()
    assert bias is None
    np.testing.assert_allclose(features @ rows.T, model.predict(images, verbose=0), atol=1e-5)


def test_works_with_fewer_dimensions_than_classes(tree):
    """An ETF of K vectors spans K - 1 dimensions."""
    model = kh.build(backbone(), tree, "etf_dr", network="I", hidden_units=3)
    rows, _ = model.classifier_weights()
    np.testing.assert_allclose(rows @ rows.T, np.eye(4) * 4 / 3 - 1 / 3, atol=1e-6)


def test_errors(tree):
    with pytest.raises(ValueError, match="one number per class, 4"):
        kh.methods.get("etf_dr", tree, lengths=[1.0, 2.0])
    with pytest.raises(ValueError, match="reg_lam"):
        kh.methods.get("etf_dr", tree, reg_lam=-1.0)
    method = kh.methods.get("etf_dr", tree, lengths=kh.losses.class_lengths([9, 5, 3, 1]))
    assert isinstance(method.options()["lengths"], list)
