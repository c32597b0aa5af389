import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.data import cifar100
from keras_haframe.decisions import confidence_floor
from keras_haframe.metrics import (
    HierarchicalF1,
    HierarchicalPrecision,
    HierarchicalRecall,
    hierarchical_distance,
    hierarchical_f1,
)
from tests import trees
from tests.compiled import compiled
from tests.golden import golden_cases, numbered_tree
from tests.metrics import contract
from tests.trees import SHAPES, ancestors, labels, probabilities

METRICS = [HierarchicalPrecision, HierarchicalRecall, HierarchicalF1]


def some_nodes(tree, batch, seed=2):
    return np.random.default_rng(seed).integers(0, tree.num_nodes, batch)


def brute(y, nodes, tree, weight=None):
    shared = said = true = 0.0
    for i, (label, node) in enumerate(zip(y, nodes)):
        w = 1.0 if weight is None else float(weight[i])
        a, b = set(ancestors(tree, label)), set(ancestors(tree, node))
        a, b = a - {tree.num_nodes - 1}, b - {tree.num_nodes - 1}
        shared, said, true = shared + w * len(a & b), said + w * len(b), true + w * len(a)
    p, r = shared / said if said else np.nan, shared / true
    return p, r, 2 * p * r / (p + r) if shared else 0.0


def test_worked_tree_by_hand(tree):
    found = hierarchical_f1([0, 0], [tree.index("land"), tree.index("truck")], tree)
    np.testing.assert_allclose(
        np.array([float(v) for v in found]), [2 / 3, 1 / 2, 4 / 7], rtol=1e-6
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_against_sets(shape):
    tree = SHAPES[shape]()
    y, nodes = labels(tree, 20), some_nodes(tree, 20)
    found = [float(v) for v in hierarchical_f1(y, nodes, tree)]
    np.testing.assert_allclose(found, brute(y, nodes, tree), rtol=1e-5)
    for which, metric in enumerate(METRICS):
        m = metric(tree)
        for part in (slice(0, 6), slice(6, 6), slice(6, 20)):
            m.update_state(y[part], nodes[part])
        np.testing.assert_allclose(m.result(), brute(y, nodes, tree)[which], rtol=1e-5)


def test_leaf_answers_at_equal_depth_say_no_more_than_the_distance():
    tree = cifar100.class_tree()
    y, p = labels(tree, 50), probabilities(tree, 50)
    ahd = np.mean(ops.convert_to_numpy(hierarchical_distance(y, p, tree)))
    found = [float(v) for v in hierarchical_f1(y, p.argmax(1), tree)]
    np.testing.assert_allclose(found, [1 - ahd / tree.height] * 3, rtol=1e-5)


def test_backing_off_trades_recall_for_precision(uneven_tree):
    p = probabilities(uneven_tree, 500)
    drawn = p.cumsum(1) < np.random.default_rng(0).uniform(size=(500, 1))
    y = drawn.sum(1).clip(max=6)  # labels as uncertain as the probabilities say
    low, high = (
        hierarchical_f1(y, confidence_floor(p, uneven_tree, floor), uneven_tree)
        for floor in (0.0, 0.8)
    )
    assert float(high[0]) > float(low[0]) + 0.05 and float(high[1]) < float(low[1]) - 0.05


def test_only_the_root_is_no_precision_and_no_recall(tree):
    root = [tree.num_nodes - 1] * 3
    p, r, f = (float(v) for v in hierarchical_f1([0, 1, 2], root, tree))
    assert np.isnan(p) and r == 0.0 and f == 0.0
    m = HierarchicalPrecision(tree)
    m.update_state([0, 1, 2], root)
    assert np.isnan(float(m.result()))


def test_an_ancestor_is_all_precision_and_part_recall(uneven_tree):
    c0 = uneven_tree.index("c0")  # root > a > b > c > c0
    p, r, _ = hierarchical_f1([c0], [uneven_tree.index("a")], uneven_tree)
    assert float(p) == 1.0 and float(r) == 0.25


def test_weights_and_reset(uneven_tree):
    y, nodes = labels(uneven_tree, 15), some_nodes(uneven_tree, 15)
    weight = np.random.default_rng(3).uniform(size=15).astype("float32")
    for which, metric in enumerate(METRICS):
        m = metric(uneven_tree)
        m.update_state(y, nodes)
        m.reset_state()
        m.update_state(y, nodes, sample_weight=weight)
        np.testing.assert_allclose(
            m.result(), brute(y, nodes, uneven_tree, weight)[which], rtol=1e-5
        )


def test_micro_average_does_not_depend_on_the_batches(uneven_tree):
    """A mean of batch means would: sets have different sizes."""
    y, nodes = labels(uneven_tree, 12), some_nodes(uneven_tree, 12)
    for metric in METRICS:
        whole, parts = metric(uneven_tree), metric(uneven_tree)
        whole.update_state(y, nodes)
        for i in range(12):
            parts.update_state(y[i : i + 1], nodes[i : i + 1])
        np.testing.assert_allclose(whole.result(), parts.result(), rtol=1e-6)


def test_directions_names_configuration_and_graph(tree):
    names = ["hierarchical_precision", "hierarchical_recall", "hierarchical_f1"]
    for metric, name in zip(METRICS, names):
        m = metric(tree)
        assert m.name == name and m._direction == "up"
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(m))
        assert type(again) is metric and again.tree == tree
    y, nodes = labels(tree, 5), some_nodes(tree, 5)
    found = compiled(lambda a, b: hierarchical_f1(a, b, tree))(y, nodes)
    np.testing.assert_allclose([float(v) for v in found], brute(y, nodes, tree), rtol=1e-6)


@pytest.mark.parametrize("wrong", [[[0.1, 0.2, 0.3, 0.4]], [0.0], [[0]]])
def test_refuses_scores_in_place_of_nodes(tree, wrong):
    with pytest.raises(ValueError, match=r"integer node numbers.*confidence_floor"):
        hierarchical_f1([0], wrong, tree)
    with pytest.raises(ValueError, match="integer node numbers"):
        HierarchicalF1(tree).update_state([0], wrong)


def test_refuses_one_hot_labels(tree):
    with pytest.raises(ValueError, match="one-hot"):
        HierarchicalRecall(tree).update_state(np.eye(4)[:1], [0])


@golden_cases("golden_ext/tree_{name}.npz", "hsc_climb_pred_{floor}")
def test_golden_answers_through_the_golden_ancestor_table(golden, name, floor):
    """The reference's answers at a threshold; sets read off the file's ancestor matrix."""
    arrays = golden(f"golden_ext/tree_{name}.npz")
    tree, parent, leaves = numbered_tree(arrays), arrays["parent"], arrays["leaves"]
    depth = np.zeros(len(parent))
    for node in range(len(parent)):
        up = node
        while parent[up] >= 0:
            up, depth[node] = parent[up], depth[node] + 1
    said = arrays[f"hsc_climb_pred_{floor}"]
    shared = 0
    for node, label in zip(said, arrays["y"]):
        while not arrays["ancestor"][node, label]:
            node = parent[node]
        shared += depth[node]
    true = depth[leaves[arrays["y"]]].sum()
    nodes = np.array([tree.index(str(n)) for n in said])
    p, r, f = (float(v) for v in hierarchical_f1(arrays["y"], nodes, tree))
    if depth[said].sum():
        assert p == pytest.approx(shared / depth[said].sum(), rel=1e-5)
    assert r == pytest.approx(shared / true, rel=1e-5)
    assert f == pytest.approx(2 * shared / (depth[said].sum() + true), rel=1e-5)


def test_labels_and_nodes_above_256_under_half_precision_policies():
    y, best, _ = contract.half_precision_example("bfloat16")
    tree = trees.wide()
    metric = HierarchicalF1(tree)
    metric.update_state(y, best)  # two right (2 of 2 shared), one far off (0), one near (1)
    assert float(metric.result()) == pytest.approx(5 / 8)
    metric.reset_state()
    metric.update_state(y, tree.parents[y])  # 1 shared, 1 said, 2 true
    assert float(metric.result()) == pytest.approx(2 / 3)


def test_nodes_of_any_integer_type_and_an_empty_batch(tree):
    for dtype in ("int64", "int32", "uint8"):
        found = hierarchical_f1(np.array([0, 3], dtype), np.array([4, 5], dtype), tree)
        np.testing.assert_allclose([float(v) for v in found], [1, 0.5, 2 / 3], rtol=1e-6)
    metric = HierarchicalRecall(tree)
    metric.update_state(np.zeros(0, "int32"), np.zeros(0, "int32"))
    metric.update_state([0], [4])
    assert float(metric.result()) == 0.5
