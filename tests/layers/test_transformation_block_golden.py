"""The transformation block against the golden vectors of the reference."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.layers import FrameClassifier, ResidualBlock, TransformationBlock
from tests.gradients import DTYPE, assert_close, dot, gradient, gradients
from tests.trees import flat

GOLDEN = "golden/type2_head.npz"


def residual_names(block, prefix):
    """Variables of a `ResidualBlock` with their keys in the golden file."""
    linear1, norm1, act1, linear2, norm2, act2 = block.steps
    names = [
        (linear1.kernel, "linear1.weight"), *norm_names(norm1, "bn1"),
        (act1.alpha, "act_func1.weight"),
        (linear2.kernel, "linear2.weight"), *norm_names(norm2, "bn2"),
        (act2.alpha, "act_func2.weight"),
    ]  # fmt: skip
    if block.shortcut is not None:
        names.append((block.shortcut.kernel, "residual.0.weight"))
    return [(variable, prefix + name) for variable, name in names]


def norm_names(norm, prefix):
    return [
        (norm.gamma, f"{prefix}.weight"), (norm.beta, f"{prefix}.bias"),
        (norm.moving_mean, f"{prefix}.running_mean"),
        (norm.moving_variance, f"{prefix}.running_var"),
    ]  # fmt: skip


def block_names(block, prefix="0", head="1"):
    first, second = block.blocks
    return [
        *norm_names(block.norm, prefix),
        *residual_names(first, f"{head}.residual_layer1."),
        *residual_names(second, f"{head}.residual_layer2."),
    ]


def load(names, file, prefix):
    """Assign golden values; the reference stores linear weights as `[out, in]`."""
    for variable, name in names:
        value = file[prefix + name]
        variable.assign(value.T if value.ndim == 2 else value)


@pytest.fixture
def loaded(golden):
    """A block with the weights of the golden file, and the file."""
    file = golden(GOLDEN)
    width = file["x"].shape[1]
    block = TransformationBlock(width, dtype=DTYPE)
    block.build((None, width))
    load(block_names(block), file, "state__")
    return block, file


def test_golden_eval(loaded):
    block, file = loaded
    assert_close(block(file["x"].astype(DTYPE), training=False), file["eval_out"])


def test_golden_eval_gradient(loaded):
    block, file = loaded
    cotangent = file["cotangent"].astype(DTYPE)
    found = gradient(lambda x: dot(block(x, training=False), cotangent), file["x"].astype(DTYPE))
    assert_close(found, file["eval_grad_x"])


def test_golden_train(loaded):
    block, file = loaded
    assert_close(block(file["x"].astype(DTYPE), training=True), file["train_out"])


def test_golden_train_gradients(loaded):
    """Gradients with respect to the input and to every weight, through the batch statistics."""
    block, file = loaded
    cotangent = file["cotangent"].astype(DTYPE)
    keys = {id(v): name for v, name in block_names(block)}
    weights = block.trainable_variables
    state = [v.value for v in block.non_trainable_variables]

    def fn(x, *values):
        out, _ = block.stateless_call(list(values), state, x, training=True)
        return dot(out, cotangent)

    start = [ops.convert_to_numpy(v) for v in weights]
    found = gradients(fn, [file["x"].astype(DTYPE), *start])
    assert_close(found[0], file["train_grad_x"])
    assert len(weights) == 18  # BN scale and shift, 2 x (2 linear, 2 BN scale and shift, 2 PReLU)
    for weight, value in zip(weights, found[1:]):
        expected = file[f"train_grad__{keys[id(weight)]}"]
        assert_close(value, expected.T if expected.ndim == 2 else expected)


def test_golden_moving_averages(loaded):
    """After one step: equal means; variances differ by Bessel's correction.

    The reference updates with the unbiased batch variance (divided by n - 1), Keras with the biased
    one (by n). Removing the old value's share, the two are in the ratio n / (n - 1).
    """
    block, file = loaded
    x = file["x"].astype(DTYPE)
    block(x, training=True)
    n, checked = len(x), 0
    for variable, name in block_names(block):
        old = f"state__{name}"
        new = file.get(f"after_one_step_buffer__{name}")
        if name.endswith("running_mean"):
            assert_close(variable, new)
        elif name.endswith("running_var"):
            kept = 0.9 * file[old]
            assert_close((ops.convert_to_numpy(variable) - kept) * n / (n - 1), new - kept)
        else:
            continue
        assert np.abs(new - file[old]).max() > 1e-3
        checked += 1
    assert checked == 10


def test_golden_rectangular(golden):
    """Another width inside and outside, with a linear shortcut, in eval mode."""
    file = golden(GOLDEN)
    units, hidden = file["rect_state__linear2.weight"].shape
    block = ResidualBlock(units, hidden_units=hidden, dtype=DTYPE)
    block.build((None, file["rect_x"].shape[1]))
    load(residual_names(block, ""), file, "rect_state__")
    assert_close(block(file["rect_x"].astype(DTYPE), training=False), file["rect_eval_out"])


def test_golden_type_two_head(golden):
    """Feature map -> 1x1 convolution -> average pool -> transformation -> fixed classifier."""
    file = golden(GOLDEN)
    vectors = file["head_state__classifier_3.weight"]
    k = len(vectors)
    conv = keras.layers.Conv2D(k, 1, use_bias=False, dtype=DTYPE, data_format="channels_last")
    block = TransformationBlock(k, dtype=DTYPE)
    classifier = FrameClassifier(flat(k), gamma=1.0, dtype=DTYPE)
    images = np.transpose(file["head_feature_map_NCHW"], (0, 2, 3, 1)).astype(DTYPE)
    for layer, shape in ((conv, images.shape), (block, (None, k)), (classifier, (None, k))):
        layer.build(shape)
    conv.kernel.assign(file["head_conv1x1_weight_out_in"].T[None, None])
    load(block_names(block, "features_1.0", "features_1.1"), file, "head_state__")
    classifier.kernel.assign(vectors.T)

    pooled = ops.mean(conv(images), axis=(1, 2))
    features = block(pooled, training=False)
    assert_close(features, file["head_penultimate"])
    assert_close(classifier(features)["logits"], file["head_logits"])
