"""The outputs of `decide` as ONNX nodes, from class probabilities: one graph for all backends."""

from __future__ import annotations

import numpy as np

from keras_haframe.decisions.answers import BELOW
from keras_haframe.saving.onnx_nodes import Nodes, onnx_type
from keras_haframe.tree import ClassTree

# Reasons by `reason_code`; what the words are is `decisions.answers.reasons`.
CLASS, ROLLED_UP, ROOT, MOVED, MOVED_ROOT, MOVED_ROLLED_UP, NO_KIN = range(7)
_CENTS = 1_000  # numbers below 10 have their own text

FLOAT, INT, TEXT = "float32", "int32", "object"
# Outputs: type, and sizes after the batch ("path" for the tree's height + 1).
NUMBERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "class_id": (INT, ()),
    "score": (FLOAT, ()),
    "path_id": (INT, ("path",)),
    "path_probabilities": (FLOAT, ("path",)),
    "decision_id": (INT, ()),
    "decision_distance": (FLOAT, ()),
    "node_id": (INT, ()),
    "node_probability": (FLOAT, ()),
    "node_depth": (INT, ()),
    "listed_id": (INT, ()),
    "listed_probability": (FLOAT, ()),
    "reason_code": (INT, ()),
}
TEXTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "class_name": (TEXT, ()),
    "path": (TEXT, ("path",)),
    "decision_name": (TEXT, ()),
    "node_name": (TEXT, ()),
    "reason": (TEXT, ()),
}


def add(g: Nodes, tree: ClassTree, text: bool) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Add the nodes from `probabilities`, `floor` and `allowed` to the outputs of `decide`.

    The steps and words are those of `outputs.hierarchical_outputs`. Beside its outputs there are
    `path_id` (-1 beyond the class), `listed_id` and `listed_probability` (the lowest node on the
    path that may be answered) and `reason_code`, from which the texts follow.

    Args:
        g: The graph; its tensors are `probabilities` float32 `[B, K]`, `floor` float32 `[B]` or
            `[1]`, `allowed` bool `[B, K]` or `[1, K]`.
        tree: The class tree.
        text: Whether to add the outputs that are strings.

    Returns:
        Types and sizes of the outputs by name.
    """
    k, root, one = tree.num_classes, tree.num_nodes - 1, np.array([1])
    real = np.arange(tree.height + 1)[None, :] <= tree.depths[:k, None]
    best = g.ArgMax("probabilities", axis=1, keepdims=0)
    path = g.Gather(tree.paths.astype(np.int64), best)
    nodes, risk = _nodes_and_risk(g, tree, real)
    on_path = g.GatherElements(nodes, path, axis=1)
    listed = g.GatherElements(_listed(g, tree, nodes), path, axis=1)
    enough = g.And(
        g.GreaterOrEqual(on_path, g.Unsqueeze("floor", one)), g.Equal(listed, np.array(1))
    )
    columns = np.arange(tree.height + 1)[None, :]

    def lowest(mask: str) -> tuple[str, str]:
        """Lowest node of the path where the mask holds, column 0 if nowhere, and probability."""
        column = g.ReduceMax(g.Where(mask, columns, np.array(0)), one, keepdims=1)
        found = (g.GatherElements(values, column, axis=1) for values in (path, on_path))
        node, probability = (g.Squeeze(values, one) for values in found)
        return node, probability

    node, probability = lowest(enough)
    start, sure = lowest(g.Equal(listed, np.array(1)))
    decision = g.ArgMax(risk, axis=1, keepdims=0)
    code = _code(g, node, best, start, root)

    def number(name: str, value: str) -> None:
        g.Cast(value, to=onnx_type(NUMBERS[name][0]), name=name)

    number("class_id", best)
    g.ReduceMax("probabilities", one, keepdims=0, name="score")
    shown = g.Gather(np.where(real, tree.paths, -1).astype(np.int64), best)
    number("path_id", shown)
    g.Mul(on_path, g.Gather(real.astype(np.float32), best), name="path_probabilities")
    number("decision_id", decision)
    g.Abs(g.ReduceMax(risk, one, keepdims=0), name="decision_distance")
    number("node_id", node)
    g.Identity(probability, name="node_probability")
    number("node_depth", g.Gather(tree.depths.astype(np.int64), node))
    number("listed_id", start)
    g.Identity(sure, name="listed_probability")
    number("reason_code", code)
    if not text:
        return NUMBERS
    names, leaves = (np.array(v, object) for v in (tree.nodes, tree.leaves))
    g.Gather(leaves, best, name="class_name")
    # By single names: of a table of names ONNX Runtime 1.32 gathers the first column only.
    beyond = np.append(names, "")
    place = g.Where(g.Less(shown, np.array(0)), np.array(tree.num_nodes), shown)
    g.Gather(beyond, place, name="path")
    g.Gather(leaves, decision, name="decision_name")
    g.Gather(names, node, name="node_name")
    _reasons(g, code, g.Gather(names, best), g.Gather(names, start), sure)
    return {**NUMBERS, **TEXTS}


def _nodes_and_risk(g: Nodes, tree: ClassTree, real: np.ndarray) -> tuple[str, str]:
    """Probabilities of all nodes `[B, N]`, and risks of all classes `[B, K]`.

    The classes below a node stand side by side in tree order, so its probability is a difference of
    running sums; in double precision, of which no digit that counts is lost.
    """
    order, start, stop = (part.astype(np.int64) for part in tree.leaf_ranges)
    p = g.Gather(g.Cast("probabilities", to=onnx_type("float64")), order, axis=1)
    sums = g.Pad(g.CumSum(p, np.array(1)), np.array([0, 1, 0, 0]))
    nodes = g.Sub(g.Gather(sums, stop, axis=1), g.Gather(sums, start, axis=1))
    whole = (stop - start == tree.num_classes)[None, :]
    nodes = g.Where(whole, np.array(1.0), nodes)
    # As in `decisions.conditional_risk`; padded places of the paths point at a column of zeros.
    heights = tree.node_heights()
    steps = np.append(heights[tree.parents[:-1]] - heights[:-1], -heights[-1]).astype(np.float64)
    gains = g.Pad(g.Mul(nodes, steps[None, :]), np.array([0, 0, 0, 1]))
    paths = np.where(real, tree.paths, tree.num_nodes).astype(np.int64)
    risk = g.Gather(gains, paths[:, 0], axis=1)
    for column in paths.T[1:]:
        risk = g.Add(risk, g.Gather(gains, column, axis=1))
    return g.Cast(nodes, to=onnx_type(FLOAT)), g.Cast(risk, to=onnx_type(FLOAT))


def _listed(g: Nodes, tree: ClassTree, nodes: str) -> str:
    """1 for nodes `[B, N]` that hold an allowed class, and for the root."""
    order, start, stop = (part.astype(np.int64) for part in tree.leaf_ranges)
    allowed = g.Gather(g.Cast("allowed", to=onnx_type(INT)), order, axis=1)
    sums = g.Pad(g.CumSum(allowed, np.array(1)), np.array([0, 1, 0, 0]))
    held = g.Greater(g.Gather(sums, stop, axis=1), g.Gather(sums, start, axis=1))
    held = g.Or(held, (np.arange(tree.num_nodes) == tree.num_nodes - 1)[None, :])
    return g.Expand(g.Cast(held, to=onnx_type("int64")), g.Shape(nodes))


def _code(g: Nodes, node: str, best: str, start: str, root: int) -> str:
    """Return the reason as a number, `[B]`."""
    at_root, at_start = g.Equal(node, np.array(root)), g.Equal(node, start)
    moved = g.Where(at_root, np.array(MOVED_ROOT), np.array(MOVED_ROLLED_UP))
    moved = g.Where(at_start, np.array(MOVED), moved)
    moved = g.Where(g.Equal(start, np.array(root)), np.array(NO_KIN), moved)
    kept = g.Where(at_root, np.array(ROOT), np.array(ROLLED_UP))
    code = g.Where(g.Equal(start, best), kept, moved)
    return g.Where(g.Equal(node, best), np.array(CLASS), code)


def _reasons(g: Nodes, code: str, own: str, above: str, sure: str) -> None:
    """As `decisions.answers.reasons`, in the graph."""
    floor = g.Expand("floor", g.Shape(sure))
    zero, below = np.array(0, np.float32), np.array(BELOW, np.float32)
    shown = g.Max(g.Min(sure, g.Sub(floor, below)), zero)

    def join(*parts: str | np.ndarray) -> str:
        found = parts[0]
        for part in parts[1:]:
            found = g.StringConcat(found, part)
        return str(found)

    def words(text: str) -> np.ndarray:
        return np.array(text, object)

    less = join(_two_digits(g, shown), words(" < "), _two_digits(g, floor))
    off = join(words("not on the list: "), own)
    texts: dict[int, str | np.ndarray] = {
        CLASS: words("class"),
        ROLLED_UP: join(words("rolled up: best class "), less),
        ROOT: join(words("root: best class "), less),
        MOVED: join(off, words("; rolled up to "), above),
        MOVED_ROOT: join(
            words("root: "), own, words(" is not on the list, "), above, words(" "), less
        ),
        MOVED_ROLLED_UP: join(off, words("; rolled up: "), above, words(" "), less),
        NO_KIN: join(words("root: "), own, words(" and all its kin are not on the list")),
    }
    found: str | np.ndarray = texts[CLASS]
    for number, words_of in texts.items():
        found = g.Where(g.Equal(code, np.array(number)), words_of, found)
    g.Identity(found, name="reason")


def _two_digits(g: Nodes, x: str) -> str:
    """Text of numbers with two digits, rounded as `f"{x:.2f}"` does it: halves to even."""
    table = [f"{i / 100:.2f}" for i in range(_CENTS)] + ["inf", "nan"]
    cents = g.Round(g.Mul(g.Cast(x, to=onnx_type("float64")), np.array(100.0)))
    cents = g.Max(g.Min(cents, np.array(float(_CENTS))), np.array(0.0))
    cents = g.Where(g.IsNaN(x), np.array(_CENTS + 1.0), cents)
    return str(g.Gather(np.array(table, object), g.Cast(cents, to=onnx_type("int64"))))
