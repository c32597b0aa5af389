"""The HAFeature loss against golden vectors, a twin with loops and hand-computed values."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.layers import UnitClassifiers
from keras_haframe.losses import HAFeatureLoss
from tests.brute_force import level_names, log_softmax
from tests.golden import golden_cases, level_order, load
from tests.gradients import DTYPE, RTOL, assert_close, gradients
from tests.losses import twins
from tests.losses.contract import LossContract
from tests.losses.twins import kl, level_outputs


def divergence(p, q) -> float:
    """Jensen-Shannon divergence of two lists of probabilities."""
    middle = [(a + b) / 2 for a, b in zip(p, q)]
    return 0.5 * (kl(p, middle) + kl(q, middle))


def summed_children(tree, level: int, row) -> list[float]:
    """Probabilities of a level's nodes from those of the level below, by names."""
    upper, lower = level_names(tree, level), level_names(tree, level + 1)
    parent_of = dict(zip(lower, upper))
    names = list(dict.fromkeys(lower))
    return [
        sum(p for p, child in zip(row, names) if parent_of[child] == node)
        for node in dict.fromkeys(upper)
    ]


class TestContract(LossContract):
    def options(self, tree) -> dict:
        return {}

    def make(self, tree, **kwargs):
        return HAFeatureLoss(tree, **self.options(tree), **kwargs)

    def outputs(self, tree, rng, batch, scale=1.0):
        outputs = level_outputs(tree, rng, batch, scale)
        outputs["geometry"] = np.full(batch, 0.3)
        if tree.height > 1:
            outputs["shuffle"] = rng.permuted(
                np.tile(np.linspace(0, 1, batch), (tree.height - 1, 1)), axis=1
            ).T
        return outputs

    def twin(self, tree, labels, outputs):
        options = self.options(tree)
        names = [f"logits_{level}" for level in range(1, tree.height)] + ["logits"]
        log_p = [np.array([log_softmax(row) for row in outputs[name]]) for name in names]
        batch = 0.0
        for level in options.get("dissimilarity_levels") or range(1, tree.height):
            nodes = np.array(level_names(tree, level))[labels]
            order = np.argsort(outputs["shuffle"][:, level - 1], kind="stable")
            batch += options.get("dissimilarity", 1.0) * twins.dissimilarity(
                np.exp(log_p[level - 1]), nodes, order, options.get("margin", 3.0)
            )
        each = []
        for i, label in enumerate(labels):
            loss = batch - log_p[-1][i][label]
            loss -= options.get("geometry", 1.0) * outputs["geometry"][i]
            for level in range(1, tree.height):
                q = summed_children(tree, level, np.exp(log_p[level][i]))
                agreement = divergence(np.exp(log_p[level - 1][i]), q)
                loss += options.get("consistency", 1.0) * agreement
            each.append(loss)
        return np.array(each)


class TestWeighted(TestContract):
    def options(self, tree):
        return {
            "dissimilarity_levels": [tree.height - 1] if tree.height > 1 else None,
            "consistency": 0.5,
            "geometry": 2.0,
            "dissimilarity": 0.25,
            "margin": 0.2,
        }


# Golden vectors ----------------------------------------------------------------------------------

FILE, COUNTED_ONCE = "golden/hafeature_flamingo.npz", "_unique_children"


def right_children(name, rest) -> bool:
    """Whether the reference's table of children is right in a case: it has no corrected twin."""
    twin = f"hafeature_{name}_l{rest}{COUNTED_ONCE}__total_loss"
    return twin not in load(FILE)


hafeature_cases = golden_cases(FILE, "hafeature_{name}_l{rest}__total_loss", keep=right_children)


def golden_case(case, golden, tree):
    """Data, the head with the golden weights, the keys of the golden shuffles, and their levels.

    The classifiers' nodes come in our order: by first appearance over the classes.
    """
    order = level_order(tree)
    data = {
        key.removeprefix(f"{case}__"): value
        for key, value in golden(FILE).items()
        if key.startswith(f"{case}__")
    }
    head = UnitClassifiers(tree, dtype=DTYPE)
    head.build(data["features"].shape)
    for level in range(1, tree.height + 1):
        for part in ("weight", "bias", "weight_grad"):
            key = f"classifier_{level}_{part}"
            data[key] = data[key][order[level - 1]]
        head.kernels[level - 1].assign(data[f"classifier_{level}_weight"].T)
        head.biases[level - 1].assign(data[f"classifier_{level}_bias"])
    keys = np.zeros((len(data["labels"]), tree.height - 1), "float32")
    levels = []  # of every call of the reference's dissimilarity term, known by their nodes
    for call, batch in enumerate(data["dissimilar_permutations_by_call"]):
        nodes = data[f"dissimilar_pairs_call{call}"].shape[-1]
        levels.append(head.levels.sizes.index(nodes) + 1)
        keys[batch, levels[-1] - 1] = np.arange(len(batch))
    assert len(set(levels)) == len(levels)
    return data, head, keys, sorted(levels)


def shuffled(head, x, keys):
    return {**head(x), "shuffle": ops.convert_to_tensor(keys)}


@hafeature_cases
def test_golden_terms(name, rest, golden, benchmark_tree):
    tree = benchmark_tree(name)
    data, head, keys, levels = golden_case(f"hafeature_{name}_l{rest}", golden, tree)
    loss = HAFeatureLoss(tree, dissimilarity_levels=levels, dtype=DTYPE)
    outputs = shuffled(head, data["features"].astype(DTYPE), keys)
    assert_close(ops.softmax(outputs["logits"]), data["leaf_output"])
    total = float(loss(data["labels"], outputs))
    assert total == pytest.approx(float(data["total_loss"]), rel=max(RTOL, 2e-6))

    terms = loss.terms(ops.convert_to_tensor(data["labels"], "int32"), outputs)
    ce = float(ops.mean(terms["cross_entropy"]))
    assert ce == pytest.approx(float(data["ce_loss_list"][0]), rel=RTOL)
    agreement = [float(ops.mean(t)) for t in terms["consistency"]][::-1]  # the file: fine first
    assert_close(agreement, data["jsd_loss_list"])
    assert_close([float(t) for t in head.geometry()][::-1], data["l2_weight_list"])
    dissimilar = dict(zip(levels, [float(t) for t in terms["dissimilarity"]]))
    want = dict(zip(range(tree.height - 1, 0, -1), data["dissimiloss_list"]))
    for level in levels:  # pairs are float32 in the reference
        assert dissimilar[level] == pytest.approx(want[level], rel=max(RTOL, 2e-6))


@hafeature_cases
def test_golden_gradients(name, rest, golden, benchmark_tree):
    tree = benchmark_tree(name)
    data, head, keys, levels = golden_case(f"hafeature_{name}_l{rest}", golden, tree)
    loss = HAFeatureLoss(tree, dissimilarity_levels=levels, dtype=DTYPE)
    count = tree.height
    fixed = [v.value for v in head.non_trainable_variables]

    def total(x, *kernels):
        weights = [w for pair in zip(kernels, head.biases) for w in pair]
        outputs, _ = head.stateless_call(weights, fixed, x)
        return loss(data["labels"], {**outputs, "shuffle": ops.convert_to_tensor(keys)})

    assert [v.path for v in head.trainable_variables[::2]] == [v.path for v in head.kernels]
    kernels = [data[f"classifier_{level}_weight"].T for level in range(1, count + 1)]
    found = gradients(total, [a.astype(DTYPE) for a in (data["features"], *kernels)])
    tolerance = max(RTOL, 5e-6)  # pairs are float32 in the reference
    assert_close(found[0], data["grad_features"], tolerance)
    for level in range(1, count + 1):
        assert_close(found[level].T, data[f"classifier_{level}_weight_grad"], tolerance)


@golden_cases(FILE, "hafeature_{name}_l{rest}__manu_to_family_sizes_unique")
def test_children_are_counted_once(name, rest, golden, benchmark_tree):
    # The reference's FGVC table names a family once per variant: its term differs there.
    tree, wrong = benchmark_tree(name), f"hafeature_{name}_l{rest}"
    data, head, keys, levels = golden_case(wrong + COUNTED_ONCE, golden, tree)
    sizes = golden(FILE)[f"{wrong}__manu_to_family_sizes_unique"]
    assert np.bincount(head.levels.parents[0]).tolist() == sizes[level_order(tree)[0]].tolist()
    outputs = shuffled(head, data["features"].astype(DTYPE), keys)
    loss = HAFeatureLoss(tree, dissimilarity_levels=levels, dtype=DTYPE)
    total = float(loss(data["labels"], outputs))
    assert abs(total - float(golden(FILE)[f"{wrong}__total_loss"])) > 0.01


# By hand -----------------------------------------------------------------------------------------


def by_hand(tree, **options):
    p1, p2 = [0.5, 0.5], [0.4, 0.4, 0.1, 0.1]  # land 0.5, but its classes 0.8
    outputs = {
        "logits_1": np.log([p1, p1]).astype("float32"),
        "logits": np.log([p2, p2]).astype("float32"),
        "geometry": np.array([0.25, 0.25], "float32"),
    }
    return float(HAFeatureLoss(tree, **options)([0, 3], outputs))


def test_worked_tree_by_hand(tree):
    ce = -0.5 * (np.log(0.4) + np.log(0.1))
    jsd = divergence([0.5, 0.5], [0.8, 0.2])
    dis = (2 * 3 + 254 * 3) / 256  # one pair, twice, of equal predictions; the rest is padding
    assert by_hand(tree) == pytest.approx(ce + jsd - 0.25 + dis, rel=1e-5)
    assert by_hand(tree, dissimilarity=0) == pytest.approx(ce + jsd - 0.25, rel=1e-5)
    only = by_hand(tree, consistency=0, dissimilarity_levels=[], geometry=0)
    assert only == pytest.approx(ce, rel=1e-5)


def test_levels_that_agree_cost_nothing(uneven_tree):
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(7), 4)
    outputs, row = {"logits": np.log(p)}, p
    for level in range(uneven_tree.height - 1, 0, -1):
        row = np.array([summed_children(uneven_tree, level, r) for r in row])
        outputs[f"logits_{level}"] = np.log(row) + 5  # logits have no zero point
    outputs = {k: ops.convert_to_tensor(v.astype("float32")) for k, v in outputs.items()}
    loss = HAFeatureLoss(uneven_tree, geometry=0)
    terms = loss.terms(ops.convert_to_tensor([0, 1, 2, 3], "int32"), outputs)
    assert len(terms["consistency"]) == uneven_tree.height - 1
    for term in terms["consistency"]:
        np.testing.assert_allclose(ops.convert_to_numpy(term), 0, atol=1e-6)


def test_flat_trees_have_cross_entropy_alone():
    tree = kh.ClassTree([("root", name) for name in "abc"])
    head = UnitClassifiers(tree)
    outputs = head(np.random.default_rng(1).normal(size=(4, 5)).astype("float32"), training=True)
    assert sorted(outputs) == ["geometry", "logits"]
    labels = [0, 1, 2, 0]
    want = float(kh.losses.CrossEntropy()(labels, outputs))
    assert float(HAFeatureLoss(tree)(labels, outputs)) == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize("levels", [[0], [2], [1, 1], ["1"], [True], [-1]])
def test_bad_levels(tree, levels):
    with pytest.raises(ValueError, match="`dissimilarity_levels` must be"):
        HAFeatureLoss(tree, dissimilarity_levels=levels)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("consistency", -1, "`consistency` must be a number in .* Received: consist"),
        ("geometry", float("inf"), "`geometry` must be a number in"),
        ("dissimilarity", float("nan"), "`dissimilarity` must be a number in"),
        ("margin", 0, "`margin` must be positive and finite. Received: margin=0"),
        ("pairs", 0, "`pairs` must be a positive integer. Received: pairs=0"),
        ("pairs", 2.5, "`pairs` must be a positive integer"),
    ],
)
def test_bad_options(tree, option, value, message):
    with pytest.raises(ValueError, match=message):
        HAFeatureLoss(tree, **{option: value})


def test_missing_geometry(tree):
    outputs = {"logits": np.zeros((1, 4)), "logits_1": np.zeros((1, 2))}
    with pytest.raises(ValueError, match=r"'geometry' of layers.UnitClassifiers.*geometry=0"):
        HAFeatureLoss(tree)([0], outputs)
    assert np.isfinite(float(HAFeatureLoss(tree, geometry=0)([0], outputs)))


def test_config_keeps_the_options(tree):
    loss = HAFeatureLoss(
        tree,
        dissimilarity_levels=[1],
        consistency=0.5,
        geometry=2.0,
        dissimilarity=0.0,
        margin=0.7,
        pairs=64,
    )
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    for key in ("consistency", "geometry", "dissimilarity", "margin", "pairs"):
        assert getattr(again, key) == getattr(loss, key)
    assert again.dissimilarity_levels == [1]
