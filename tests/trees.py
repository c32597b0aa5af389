"""Trees of every awkward shape, and random class probabilities over them."""

import numpy as np

import keras_haframe as kh
from tests.conftest import random_tree


def flat(classes: int) -> kh.ClassTree:
    return kh.ClassTree([("root", f"c{i}") for i in range(classes)])


def chain() -> kh.ClassTree:
    """Two classes under a chain of single-child nodes, one of them with a chain of its own."""
    edges = [("top", "a"), ("a", "b"), ("b", "x"), ("b", "c"), ("c", "d"), ("d", "y")]
    return kh.ClassTree(edges, ["y", "x"])


SHAPES = {
    "two": lambda: flat(2),
    "flat": lambda: flat(7),
    "chain": chain,
    "worked": lambda: kh.ClassTree.from_nested({"l": ["car", "truck"], "a": ["jet", "glider"]}),
    "random0": lambda: random_tree(np.random.default_rng(0), 5),
    "random1": lambda: random_tree(np.random.default_rng(1), 9),
    "random2": lambda: random_tree(np.random.default_rng(2), 13),
    "random3": lambda: random_tree(np.random.default_rng(3), 21),
}


def probabilities(tree, batch: int, seed: int = 0, sharpness: float = 2.0) -> np.ndarray:
    """Random softmax rows, float32 `[batch, K]`."""
    logits = np.random.default_rng(seed).normal(size=(batch, tree.num_classes)) * sharpness
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (p / p.sum(axis=1, keepdims=True)).astype("float32")


def labels(tree, batch: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, tree.num_classes, batch)


def ancestors(tree, node: int) -> list[int]:
    """The node and its ancestors, upwards, by following parents one by one."""
    out = []
    while node >= 0:
        out.append(int(node))
        node = tree.parents[node]
    return out


def classes_below(tree, node: int) -> list[int]:
    return [k for k in range(tree.num_classes) if node in ancestors(tree, k)]


def golden_tree(arrays) -> kh.ClassTree:
    """The tree of a golden file; node `i` of the file is named `"i"`."""
    parent = arrays["parent"]
    edges = [(str(parent[i]), str(i)) for i in range(len(parent)) if parent[i] >= 0]
    return kh.ClassTree(edges, [str(i) for i in arrays["leaves"]])


def reference_tree(golden, benchmark_tree, name: str) -> kh.ClassTree:
    """A tree of the golden files: one of the benchmarks, or their "smalltree"."""
    if name != "smalltree":
        return benchmark_tree(name)
    file = golden("golden/frames.npz")
    return kh.ClassTree(file["smalltree__edges"].tolist(), file["smalltree__leaves"].tolist())


GOLDEN_TREES = ["flat", "level3", "unary_heavy", "unbalanced"]
