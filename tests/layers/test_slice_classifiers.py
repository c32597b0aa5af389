"""Classifiers on feature slices: golden vectors, stopped gradients, widths."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.layers import SliceClassifiers
from keras_haframe.losses import LevelCrossEntropy
from tests.golden import golden_cases, level_order
from tests.gradients import DTYPE, RTOL, assert_close, gradient, gradients
from tests.trees import TREES


@golden_cases("golden/hafeature_flamingo.npz", "flamingo_{name}_l{rest}__total_loss")
def test_golden(name, rest, golden, benchmark_tree):
    data = golden("golden/hafeature_flamingo.npz")
    tree, name = benchmark_tree(name), f"flamingo_{name}_l{rest}"
    order = level_order(tree)
    # A classifier sees the slice of its level and those of the finer ones.
    seen = [data[f"{name}__classifier_{n}_weight"].shape[1] for n in range(1, tree.height + 1)]
    if seen == SliceClassifiers(tree).widths(seen[0]):
        widths = None
    else:
        widths = [wide - narrow for wide, narrow in zip(seen, [*seen[1:], 0])]
    x, labels = data[f"{name}__features"].astype(DTYPE), data[f"{name}__labels"]
    head = SliceClassifiers(tree, slice_widths=widths, dtype=DTYPE)
    head.build(x.shape)
    kernels = []
    for level, rows in enumerate(order):
        kernels.append(data[f"{name}__classifier_{level + 1}_weight"][rows].T.astype(DTYPE))
        assert kernels[-1].shape == tuple(head.kernels[level].shape)
        head.kernels[level].assign(kernels[-1])
        head.biases[level].assign(data[f"{name}__classifier_{level + 1}_bias"][rows])
    outputs = head(x)
    assert_close(outputs["logits"], data[f"{name}__leaf_output"])
    loss = LevelCrossEntropy(tree, dtype=DTYPE)
    want = float(data[f"{name}__total_loss"])
    assert float(loss(labels, outputs)) == pytest.approx(want, rel=RTOL)
    terms = loss.terms(ops.convert_to_tensor(labels, "int32"), outputs)
    means = [float(ops.mean(term)) for term in terms][::-1]  # the file lists the finest first
    assert_close(means, data[f"{name}__ce_loss_list"])

    def total(x, *kernels):
        weights = [w for pair in zip(kernels, head.biases) for w in pair]
        return loss(labels, head.stateless_call(weights, [], x)[0])

    found = gradients(total, [x, *kernels])
    assert_close(found[0], data[f"{name}__grad_features"])
    for level, rows in enumerate(order):
        assert_close(found[1 + level].T, data[f"{name}__classifier_{level + 1}_weight_grad"][rows])


@pytest.mark.parametrize("kind", TREES)
def test_logits_equal_loops(kind):
    tree = TREES[kind]()
    x = np.random.default_rng(0).normal(size=(3, 11)).astype("float32")
    head = SliceClassifiers(tree)
    outputs = head(x)
    width = 11 // tree.height
    for level, name in enumerate(head.levels.names):
        kernel = ops.convert_to_numpy(head.kernels[level])
        seen = x[:, level * width :]
        assert kernel.shape == (11 - level * width, head.levels.sizes[level])
        want = [[sum(a * b for a, b in zip(row, column)) for column in kernel.T] for row in seen]
        np.testing.assert_allclose(ops.convert_to_numpy(outputs[name]), want, rtol=1e-4, atol=1e-5)


def test_coarse_levels_train_their_own_slice_only(uneven_tree):
    head = SliceClassifiers(uneven_tree, slice_widths=[2, 3, 4, 5])
    x = np.random.default_rng(1).normal(size=(3, 14)).astype("float32")
    head(x)
    starts = [0, 2, 5, 9, 14]
    for level, name in enumerate(head.levels.names):
        grad = gradient(lambda z, name=name: ops.sum(head(z)[name] ** 2), x)
        own = np.zeros(14, bool)
        own[starts[level] : starts[level + 1]] = True
        assert grad[:, own].all() and not grad[:, ~own].any()


def test_coarse_classifiers_read_the_finer_slices(tree):
    head = SliceClassifiers(tree, slice_widths=[3, 2])
    x = np.ones((1, 5), "float32")
    before = ops.convert_to_numpy(head(x)["logits_1"])
    x[:, 4] = 2.0
    moved = ops.convert_to_numpy(head(x)["logits_1"]) - before
    np.testing.assert_allclose(moved[0], ops.convert_to_numpy(head.kernels[0])[4], rtol=1e-4)


@pytest.mark.parametrize(
    ("dataset", "dim", "widths"),
    [
        ("fgvc_aircraft", 600, [200, 200, 200]),
        ("inaturalist2019", 600, [85] * 6 + [90]),
        ("tiered_imagenet_h", 600, [50] * 12),
        ("fgvc_aircraft", 100, [33, 33, 34]),
        ("cifar100", 100, [20] * 5),
        ("inaturalist2019", 1010, [144] * 6 + [146]),
        ("tiered_imagenet_h", 608, [50] * 11 + [58]),
    ],
)
def test_default_widths_are_the_papers(dataset, dim, widths, benchmark_tree):
    seen = SliceClassifiers(benchmark_tree(dataset)).widths(dim)
    assert seen == [sum(widths[level:]) for level in range(len(widths))]


def test_kernel_and_bias_make_the_scores_from_all_features(uneven_tree):
    head = SliceClassifiers(uneven_tree)
    x = np.random.default_rng(2).normal(size=(4, 10)).astype("float32")
    logits = ops.convert_to_numpy(head(x)["logits"])
    kernel, bias = ops.convert_to_numpy(head.kernel), ops.convert_to_numpy(head.bias)
    assert kernel.shape == (10, 7) and not kernel[:6].any()
    np.testing.assert_allclose(x @ kernel + bias, logits, rtol=1e-5, atol=1e-6)


def test_config_round_trip(tree):
    head = SliceClassifiers(tree, slice_widths=[2, 5], name="classifier")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(head))
    assert again.slice_widths == [2, 5] and again.tree == tree and again.name == "classifier"
    assert again.compute_output_shape((3, 7)) == {"logits_1": (3, 2), "logits": (3, 4)}


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_float32_under_mixed_precision(tree, policy):
    keras.config.set_dtype_policy(policy)
    outputs = SliceClassifiers(tree)(ops.ones((2, 5), dtype=policy.removeprefix("mixed_")))
    assert {keras.backend.standardize_dtype(v.dtype) for v in outputs.values()} == {"float32"}


def test_flat_tree_is_a_plain_classifier():
    head = SliceClassifiers(kh.ClassTree([("r", "a"), ("r", "b"), ("r", "c")]))
    outputs = head(np.ones((2, 4), "float32"))
    assert list(outputs) == ["logits"] and tuple(head.kernel.shape) == (4, 3)


@pytest.mark.parametrize("widths", [[3], [3, 0], [3, -1], [3, 2.0], [True, 3], [1, 2, 3]])
def test_bad_widths(tree, widths):
    with pytest.raises(ValueError, match=r"`slice_widths` must be 2 positive integers"):
        SliceClassifiers(tree, slice_widths=widths)


def test_widths_that_do_not_sum_to_the_features(tree):
    with pytest.raises(ValueError, match=r"must sum to the width of the features, 6.*sum to 5"):
        SliceClassifiers(tree, slice_widths=[2, 3])(np.ones((1, 6), "float32"))


def test_too_few_features(uneven_tree):
    with pytest.raises(ValueError, match=r"4 levels needs features of at least 4.*hidden_units"):
        SliceClassifiers(uneven_tree)(np.ones((1, 3), "float32"))
