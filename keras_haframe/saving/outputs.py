"""Named outputs of the signatures, from class probabilities. Runs inside the served graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from keras_haframe.decisions import conditional_risk
from keras_haframe.decisions.answers import BELOW
from keras_haframe.decisions.confidence_floor import node_probabilities
from keras_haframe.saving.large_tree import LargeTree, is_large
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.values import Tensor

Names: TypeAlias = Callable[[Tensor], Tensor]

DENSE_ENTRIES = 2**20  # largest constant table, 4 MiB


def _names(values: list[str]) -> Names:
    """Names by number, constants of the graph."""
    import tensorflow as tf

    return lambda numbers: tf.gather(tf.constant(values), numbers)


def class_outputs(probabilities: Tensor, tree: ClassTree, names: Names | None = None) -> dict:
    """Return what `serving_default` answers: the probabilities and the most probable class.

    Args:
        probabilities: float32 `[B, K]`.
        tree: The class tree.
        names: Names of nodes by number; constants of the graph by default.

    Returns:
        `probabilities` `[B, K]`, `class_id` int32 `[B]`, `class_name` string `[B]`, `score`
        float32 `[B]`.
    """
    import tensorflow as tf

    best = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
    return {
        "probabilities": probabilities,
        "class_id": best,
        "class_name": (names or _names(tree.leaves))(best),
        "score": tf.reduce_max(probabilities, axis=-1),
    }


def top_outputs(probabilities: Tensor, tree: ClassTree, k: int, names: Names | None = None) -> dict:
    """Return what TF Serving's Classify answers: the k most probable classes.

    Returns:
        `classes` string `[B, k]` and `scores` float32 `[B, k]`, best first.
    """
    import tensorflow as tf

    scores, indices = tf.math.top_k(probabilities, min(k, tree.num_classes))
    return {"classes": (names or _names(tree.leaves))(indices), "scores": scores}


def hierarchical_outputs(
    probabilities: Tensor,
    tree: ClassTree,
    threshold: Tensor,
    allowed: Tensor | None = None,
    names: Names | None = None,
) -> dict:
    """Path to the most probable class, the decision of least risk, and a safe node.

    Args:
        probabilities: float32 `[B, K]`.
        tree: The class tree, of height H.
        threshold: float32 `[B]`, one per image, or `[1]` for all.
        allowed: bool `[B, K]`, or `[1, K]` for all: classes that may be answered; all by default.
        names: Names of nodes by number, empty for N; constants of the graph by default.

    Returns:
        - `class_id`, `class_name`, `score`: the most probable class.
        - `path` string `[B, H + 1]` from the root to that class, `path_probabilities`
          float32 `[B, H + 1]`; beyond a class higher than H, `""` and 0.
        - `decision_id`, `decision_name`, `decision_distance`: the class of least expected
          hierarchical distance, and that distance.
        - `node_id`, `node_name`, `node_probability`, `node_depth`: the deepest node on the path
          with at least `threshold` that holds an allowed class; the root where none other does.
        - `reason` string `[B]`, as `decisions.decide` words it.
    """
    import tensorflow as tf

    chosen = class_outputs(probabilities, tree, names)
    best = chosen["class_id"]
    large = LargeTree(tree) if is_large(tree) else None
    depths = large.depths if large else tf.constant(tree.depths, tf.int32)
    if large:
        nodes, risk = large.nodes_and_risk(probabilities)
        path, real = large.paths(best)
    else:
        nodes, risk = nodes_and_risk(probabilities, tree)
        path = tf.gather(tf.constant(tree.paths, tf.int32), best)
        real = tf.gather(_real_places(tree), best)
    names = names or _names([*tree.nodes, ""])
    shown = tf.where(real, path, tree.num_nodes)
    on_path = tf.gather(nodes, path, axis=1, batch_dims=1)
    decision = tf.argmax(risk, axis=-1, output_type=tf.int32)
    # The steps of decisions.decide, with the floor's rule "climbing"; column 0 is the root.
    columns = tf.range(tree.height + 1)[None, :]
    enough = on_path >= threshold[:, None]
    lowest = tf.fill(tf.shape(best), tree.height)
    if allowed is not None:
        listed = large.listed(allowed, path) if large else _listed(allowed, path, tree)
        enough = enough & listed
        lowest = tf.reduce_max(tf.where(listed, columns, 0), axis=1)
    deepest = tf.reduce_max(tf.where(enough, columns, 0), axis=1)
    node = tf.gather(path, deepest, axis=1, batch_dims=1)
    start = tf.gather(path, lowest, axis=1, batch_dims=1)
    sure = tf.gather(on_path, lowest, axis=1, batch_dims=1)
    return {
        **{key: chosen[key] for key in ("class_id", "class_name", "score")},
        "path": names(shown),
        "path_probabilities": tf.where(real, on_path, 0.0),
        "decision_id": decision,
        "decision_name": names(decision),
        "decision_distance": tf.abs(tf.reduce_max(risk, axis=-1)),
        "node_id": node,
        "node_name": names(node),
        "node_probability": tf.gather(on_path, deepest, axis=1, batch_dims=1),
        "node_depth": tf.gather(depths, node),
        "reason": _reasons(tree, names, node, best, start, sure, threshold),
    }


def _listed(allowed: Tensor, path: Tensor, tree: ClassTree) -> Tensor:
    """Whether the nodes of paths `[B, H + 1]` hold an allowed class; the root passes."""
    import tensorflow as tf

    order, start, stop = (tf.constant(part, tf.int32) for part in tree.leaf_ranges)
    sums = tf.cumsum(tf.cast(tf.gather(allowed, order, axis=1), tf.int32), axis=1)
    sums = tf.pad(sums, [[0, 0], [1, 0]]) + tf.zeros_like(path[:, :1])  # one row for all: for each

    def before(ends: Tensor) -> Tensor:
        return tf.gather(sums, tf.gather(ends, path), axis=1, batch_dims=1)

    return (before(stop) > before(start)) | (path == tree.num_nodes - 1)


def _reasons(
    tree: ClassTree,
    names: Names,
    node: Tensor,
    best: Tensor,
    start: Tensor,
    sure: Tensor,
    floor: Tensor,
) -> Tensor:
    """As `decisions.answers.reasons`, in the graph; `start` is the lowest node on the list."""
    import tensorflow as tf

    root = tree.num_nodes - 1
    floor = floor + tf.zeros_like(sure)
    shown = tf.maximum(tf.minimum(sure, floor - BELOW), 0.0)
    less = [tf.strings.as_string(shown, 2), " < ", tf.strings.as_string(floor, 2)]
    at_root, own, above = node == root, names(best), names(start)
    rolled = tf.where(at_root, "root", "rolled up")
    off = tf.strings.join(["not on the list: ", own])
    moved = tf.where(
        start == root,
        tf.strings.join(["root: ", own, " and all its kin are not on the list"]),
        tf.where(
            node == start,
            tf.strings.join([off, "; rolled up to ", above]),
            tf.where(
                at_root,
                tf.strings.join(["root: ", own, " is not on the list, ", above, " ", *less]),
                tf.strings.join([off, "; rolled up: ", above, " ", *less]),
            ),
        ),
    )
    kept = tf.strings.join([rolled, ": best class ", *less])
    return tf.where(node == best, "class", tf.where(start == best, kept, moved))


def nodes_and_risk(probabilities: Tensor, tree: ClassTree) -> tuple[Tensor, Tensor]:
    """Probabilities of all nodes and negative expected distances of all classes.

    The passes over the tree of `decisions` take some twenty small operations per level, which a
    small network feels. Where the tables are small, one product with a constant does both.

    Returns:
        float32 `[B, N]`, 1 for the root, and `[B, K]`.
    """
    import tensorflow as tf

    k, n = tree.num_classes, tree.num_nodes
    if k * (n + k) > DENSE_ENTRIES:
        return node_probabilities(probabilities, tree), conditional_risk(probabilities, tree)
    inner = tree.ancestors[k : n - 1].T  # without the root
    table = np.concatenate([inner, -tree.distances().astype(np.float64)], axis=1)
    both = tf.matmul(probabilities, tf.constant(table, tf.float32))
    inside, risk = both[:, : n - 1 - k], both[:, n - 1 - k :]
    root = tf.ones_like(probabilities[:, :1])
    return tf.concat([probabilities, inside, root], axis=1), risk


def unit_features(features: Tensor) -> dict:
    """`features` float32 `[B, P]` with rows of length one (zero rows stay zero)."""
    import tensorflow as tf

    from keras_haframe.layers.fixed_classifier import inverse_norm

    features = tf.cast(features, tf.float32)
    return {"features": features * inverse_norm(features)}


def blank_bad_rows(outputs: dict, ok: Tensor) -> dict:
    """Return outputs with NaN, -1 and `""` in the rows that are not ok.

    Args:
        outputs: Tensors `[B, ...]` by name.
        ok: bool `[B]`.

    Returns:
        The same names and shapes.
    """
    import tensorflow as tf

    def blank(x: Tensor) -> Tensor:
        mask = tf.reshape(ok, [-1] + [1] * (x.shape.rank - 1))
        if x.dtype == tf.string:
            return tf.where(mask, x, tf.constant(""))
        nothing = np.nan if x.dtype.is_floating else -1
        return tf.where(mask, x, tf.constant(nothing, x.dtype))

    return {name: blank(x) for name, x in outputs.items()}


def _real_places(tree: ClassTree) -> Tensor:
    """Which places of each class's path are its own, bool `[K, H + 1]`."""
    import tensorflow as tf

    real = np.arange(tree.height + 1)[None, :] <= tree.depths[: tree.num_classes, None]
    return tf.constant(real)
