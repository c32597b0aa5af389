"""Trees of every awkward shape, random ones, and random class probabilities over them."""

import numpy as np

import keras_haframe as kh
from tests.brute_force import softmax


def flat(classes: int) -> kh.ClassTree:
    return kh.ClassTree([("root", f"c{i}") for i in range(classes)])


def chain() -> kh.ClassTree:
    """Two classes under a chain of single-child nodes, one of them with a chain of its own."""
    edges = [("top", "a"), ("a", "b"), ("b", "x"), ("b", "c"), ("c", "d"), ("d", "y")]
    return kh.ClassTree(edges, ["y", "x"])


def worked() -> kh.ClassTree:
    """The tree of the documentation: four leaves, two parents, one root."""
    return kh.ClassTree.from_nested(
        {"land": ["car", "truck"], "air": ["jet", "glider"]}, root="vehicle", name="vehicles"
    )


def uneven() -> kh.ClassTree:
    """Leaf depths 1 to 4, a single-child chain, labels not in tree order."""
    edges = [
        ("root", "a"), ("root", "e"), ("root", "chain"), ("a", "b"), ("a", "a0"), ("b", "b0"),
        ("b", "c"), ("c", "c0"), ("c", "c1"), ("chain", "link"), ("link", "l0"), ("link", "l1"),
    ]  # fmt: skip
    return kh.ClassTree(edges, ["l1", "c0", "e", "a0", "l0", "b0", "c1"], name="uneven")


def random_tree(rng: np.random.Generator, classes: int) -> kh.ClassTree:
    """A random tree with uneven depths, single-child chains and shuffled labels."""
    nodes = [f"c{i}" for i in range(classes)]
    edges, made = [], 0
    while len(nodes) > 1:
        take = int(rng.integers(1, min(4, len(nodes)) + 1))
        chosen = rng.choice(len(nodes), take, replace=False)
        parent = f"n{made}"
        made += 1
        edges += [(parent, nodes[i]) for i in chosen]
        nodes = [n for i, n in enumerate(nodes) if i not in set(chosen.tolist())] + [parent]
        if made > 4 * classes:  # only chains left to draw: join what remains
            edges += [("top", n) for n in nodes]
            nodes = ["top"]
    return kh.ClassTree(edges, [f"c{i}" for i in rng.permutation(classes)])


def lopsided() -> kh.ClassTree:
    """A class right under the root beside deep ones."""
    edges = [("r", "x"), ("r", "m"), ("m", "y"), ("m", "n"), ("n", "z"), ("n", "w")]
    return kh.ClassTree(edges, ["w", "x", "y", "z"])


def wide(groups: int = 20, size: int = 20) -> kh.ClassTree:
    """400 classes in 20 groups: more labels than bfloat16 can tell apart."""
    edges = [("root", f"g{i}") for i in range(groups)]
    edges += [(f"g{i // size}", f"c{i}") for i in range(groups * size)]
    return kh.ClassTree(edges, [f"c{i}" for i in range(groups * size)])


def regular(branching: int, height: int) -> kh.ClassTree:
    """A tree whose nodes all have as many children, classes in tree order."""
    names, edges = ["r"], []
    for _ in range(height):
        children = [(p, f"{p}.{i}") for p in names for i in range(branching)]
        edges, names = edges + children, [c for _, c in children]
    return kh.ClassTree(edges, names)


def deep(classes: int, levels: int = 6, seed: int = 0) -> kh.ClassTree:
    """Many classes in several levels, names of some twenty letters, labels not in tree order."""
    rng = np.random.default_rng(seed)
    ranks = ["order", "family", "tribe", "genus", "section", "species", "form", "strain"]
    edges, above = [], ["life"]
    for i in range(levels):
        count = max(len(above), round(classes ** ((i + 1) / levels)))
        names = [f"{ranks[i - levels]} {j:06d} ameliana" for j in range(count)]
        more = rng.integers(0, len(above), count - len(above))  # every node has a child at least
        parents = np.concatenate([np.arange(len(above)), more])
        edges += [(above[p], name) for p, name in zip(parents.tolist(), names)]
        above = names
    return kh.ClassTree(edges, [above[i] for i in rng.permutation(len(above))])


TREES = {
    "worked": worked,
    "uneven": uneven,
    "flat": lambda: flat(5),
    "random": lambda: random_tree(np.random.default_rng(3), 11),
    "lopsided": lopsided,
}
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
    return softmax(logits).astype("float32")


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
