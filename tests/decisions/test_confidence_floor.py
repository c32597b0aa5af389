import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.decisions import confidence_floor
from keras_haframe.decisions.confidence_floor import RULES
from tests.compiled import compiled
from tests.golden import golden_cases, numbered_tree
from tests.trees import (
    SHAPES,
    ancestors,
    chain,
    classes_below,
    probabilities,
)

FLOORS = [0.0, 0.2, 0.35, 0.5, 0.7, 0.9, 0.99, 1.5]


def node_values(p, tree):
    """Probability of every node of one example, in float64; exactly 1 if it holds all classes."""
    below = [classes_below(tree, n) for n in range(tree.num_nodes)]
    return [1.0 if len(b) == tree.num_classes else sum(float(p[k]) for k in b) for b in below]


def height(tree, node):
    below = [height(tree, c) for c in np.flatnonzero(tree.parents == node)]
    return 1 + max(below) if below else 0


def brute(p, tree, floor, rule):
    values, root = node_values(p, tree), tree.num_nodes - 1
    best = max(range(tree.num_classes), key=lambda k: (p[k], -k))
    if rule == "climbing":
        return next(n for n in ancestors(tree, best) if values[n] >= floor or n == root)
    if rule == "selective":
        return best if values[best] >= floor else root
    if rule == "jumping":
        for h in range(height(tree, root)):
            level = [n for n in range(tree.num_nodes) if height(tree, n) == h]
            n = max(level, key=lambda n: (values[n], -n))
            if values[n] >= floor:
                return n
        return root
    enough = [n for n in range(tree.num_nodes) if values[n] >= floor or n == root]
    return min(enough, key=lambda n: (len(classes_below(tree, n)), -values[n], n))


def test_worked_tree_by_hand(tree):
    p = [[0.5, 0.25, 0.25, 0.0]] * 3
    names = [tree.nodes[int(n)] for n in confidence_floor(p, tree, [0.4, 0.6, 0.9])]
    assert names == ["car", "land", "vehicle"]


def test_rules_differ_as_they_should(tree):
    # Best class jet 0.4, but land (0.35 + 0.25) is the more probable group.
    p = [[0.35, 0.25, 0.4, 0.0]]

    def answer(rule, floor):
        return tree.nodes[int(confidence_floor(p, tree, floor, rule=rule)[0])]

    assert [answer(r, 0.38) for r in RULES] == ["jet"] * 4
    assert [answer(r, 0.55) for r in RULES] == ["vehicle", "vehicle", "land", "land"]
    assert [answer(r, 0.7) for r in RULES] == ["vehicle"] * 4


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", SHAPES)
def test_against_loops(shape, rule):
    tree = SHAPES[shape]()
    p = probabilities(tree, 8, seed=5)
    for floor in FLOORS:
        found = ops.convert_to_numpy(confidence_floor(p, tree, floor, rule=rule))
        assert found.tolist() == [brute(row, tree, floor, rule) for row in p], floor


def same_classes(tree, found, wanted):
    """Whether nodes are equal up to single-child chains: they hold the same classes."""
    return all(np.array_equal(tree.ancestors[a], tree.ancestors[b]) for a, b in zip(found, wanted))


@golden_cases("golden_ext/tree_{name}.npz", "hsc_{key}_pred_{floor}")
def test_golden(golden, name, key, floor):
    """On a chain of single children the reference takes the first it lists, ours the lowest."""
    arrays = golden(f"golden_ext/tree_{name}.npz")
    tree, rule = numbered_tree(arrays), {"climb": "climbing", "sel": "selective"}[key]
    wanted = [tree.index(str(n)) for n in arrays[f"hsc_{key}_pred_{floor}"]]
    found = ops.convert_to_numpy(confidence_floor(arrays["probs"], tree, float(floor), rule=rule))
    assert same_classes(tree, found, wanted)
    inner = [n for n in found if n >= tree.num_classes and n != tree.num_nodes - 1]
    assert all((tree.parents == n).sum() > 1 for n in inner), "not the lowest of a chain"


@pytest.mark.parametrize("rule", RULES)
def test_floor_nought_answers_a_class_and_above_one_the_root(uneven_tree, rule):
    p = probabilities(uneven_tree, 9)
    low = ops.convert_to_numpy(confidence_floor(p, uneven_tree, 0.0, rule=rule))
    np.testing.assert_array_equal(low, p.argmax(1))
    for floor in (1.01, np.inf):
        high = ops.convert_to_numpy(confidence_floor(p, uneven_tree, floor, rule=rule))
        assert (high == uneven_tree.num_nodes - 1).all()


def test_certain_class_is_answered_even_at_one(tree):
    assert [int(confidence_floor([[0.0, 0, 1, 0]], tree, 1.0, rule=r)[0]) for r in RULES] == [2] * 4


def test_equal_probabilities_go_to_the_lower_number(tree):
    p = np.full((1, 4), 0.25, "float32")
    assert int(confidence_floor(p, tree, 0.2)[0]) == 0
    land = tree.index("land")
    assert [int(confidence_floor(p, tree, 0.5, rule=r)[0]) for r in RULES] == [land, 6, land, land]


@pytest.mark.parametrize("rule", ["climbing", "max_coverage"])
def test_chains_are_answered_by_their_lowest_node(rule):
    tree = chain()  # top > a > b > {x, c > d > y}; classes y, x
    p = [[0.6, 0.4]]
    names = [
        tree.nodes[int(confidence_floor(p, tree, f, rule=rule)[0])] for f in (0.5, 0.6, 0.61, 1.0)
    ]
    # Everything below the top holds both classes from b up, which has probability 1.
    assert names == ["y", "y", "b", "b"]


def test_climbing_only_grows_coarser_as_the_floor_rises(uneven_tree):
    p = probabilities(uneven_tree, 20, seed=3)
    last = ops.convert_to_numpy(confidence_floor(p, uneven_tree, 0.0))
    for floor in np.linspace(0, 1.1, 40):
        nodes = ops.convert_to_numpy(confidence_floor(p, uneven_tree, floor))
        assert all(n in ancestors(uneven_tree, m) for n, m in zip(nodes, last))
        last = nodes


@pytest.mark.parametrize("rule", RULES)
def test_one_floor_per_example(uneven_tree, rule):
    p = probabilities(uneven_tree, len(FLOORS))
    found = confidence_floor(p, uneven_tree, np.array(FLOORS), rule=rule)
    single = [
        int(confidence_floor(p[i : i + 1], uneven_tree, f, rule=rule)[0])
        for i, f in enumerate(FLOORS)
    ]
    assert ops.convert_to_numpy(found).tolist() == single
    tensor = confidence_floor(p, uneven_tree, ops.convert_to_tensor(FLOORS), rule=rule)
    assert ops.convert_to_numpy(tensor).tolist() == single


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_compiled_empty_batch_half_precision_and_dtype(uneven_tree, rule):
    p = probabilities(uneven_tree, 6)
    floors = np.array([0.1, 0.3, 0.5, 0.7, 0.9, 1.0], "float32")
    wanted = ops.convert_to_numpy(confidence_floor(p, uneven_tree, floors, rule=rule))
    found = compiled(lambda q, f: confidence_floor(q, uneven_tree, f, rule=rule))(p, floors)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), wanted)
    assert keras.backend.standardize_dtype(found.dtype) == "int32"
    assert confidence_floor(p[:0], uneven_tree, 0.5, rule=rule).shape == (0,)
    half = ops.cast(ops.convert_to_tensor(p), "bfloat16")
    rounded = ops.convert_to_numpy(ops.cast(half, "float32"))
    np.testing.assert_array_equal(
        ops.convert_to_numpy(confidence_floor(half, uneven_tree, 0.5, rule=rule)),
        ops.convert_to_numpy(confidence_floor(rounded, uneven_tree, 0.5, rule=rule)),
    )


def test_a_float32_probability_meets_the_decimal_it_was_rounded_from(tree):
    p = np.array([[0.7, 0.2, 0.1, 0.0]], "float32")  # float32(0.7) < 0.7
    assert int(confidence_floor(p, tree, 0.7)[0]) == 0


@golden_cases("hierarchies/{name}.json")
def test_a_tree_of_many_classes_needs_no_class_by_class_work(benchmark_tree, name):
    tree = benchmark_tree(name)
    p = probabilities(tree, 3, sharpness=4.0)
    for rule in ("climbing", "selective"):
        found = ops.convert_to_numpy(confidence_floor(p, tree, 0.6, rule=rule))
        values = p @ tree.ancestors.T.astype("float64")
        for row, n in zip(values, found):
            assert row[n] >= 0.6 - 1e-5 or n == tree.num_nodes - 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(threshold=0.5, rule="falling"), "`rule` must be one of"),
        (dict(threshold=-0.1), "Received: threshold=-0.1"),
        (dict(threshold=[0.1, np.nan]), "Received: threshold=nan"),
        (dict(threshold=[0.1, 0.2, 0.3]), r"one per example, \[2\]. Received shape: \(3,\)"),
        (dict(threshold=[[0.1], [0.2]]), r"Received shape: \(2, 1\)"),
    ],
)
def test_refuses_wrong_arguments(tree, arguments, message):
    with pytest.raises(ValueError, match=message):
        confidence_floor(probabilities(tree, 2), tree, **arguments)


def test_refuses_wrong_probabilities_and_trees(tree):
    with pytest.raises(ValueError, match=r"\[batch, 4\]"):
        confidence_floor([[0.5, 0.5]], tree, 0.5)
    with pytest.raises(ValueError, match="ClassTree"):
        confidence_floor([[0.5, 0.5]], "tree", 0.5)
