"""Labels as class indices, from indices or from names."""

from __future__ import annotations

import numpy as np

from keras_haframe.tree import ClassTree
from keras_haframe.tree.validation import listed, unknown_name
from keras_haframe.tree_ops.checks import check_label_shape, check_labels
from keras_haframe.tree_ops.values import Tensor, to_numpy


def class_labels(labels: Tensor, tree: ClassTree, count: int | None = None) -> np.ndarray:
    """Class indices int64 `[n]` of labels that are indices or class names.

    Texts are names where they are names in the tree, and else numbers, as a table may hold them.

    Args:
        labels: Integers from 0 to K - 1, or names of classes, `[n]`.
        tree: A `ClassTree`.
        count: Number of examples they must fit, if known.

    Raises:
        ValueError: For names that are no classes (with the nearest spelling; inner nodes are none),
            and as `tree_ops.checks.check_labels` for integers.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> class_labels(["jet", "car", "jet"], tree)
    array([2, 0, 2])
    """
    array = to_numpy(labels, "labels")
    if array.dtype.kind not in "OUS" or not array.size:
        return check_labels(array, tree.num_classes, count, least=1)
    check_label_shape(array.shape, tree.num_classes)
    texts = [v.decode() if isinstance(v, bytes) else str(v).strip() for v in array.tolist()]
    names, which = np.unique(np.array(texts), return_inverse=True)
    known = {name: i for i, name in enumerate(tree.leaves)}
    what = "class of the tree"
    unknown = [str(name) for name in names if str(name) not in known]
    if len(unknown) == len(names) and all(name.lstrip("-").isdigit() for name in unknown):
        return check_labels(names.astype(np.int64)[which], tree.num_classes, count, least=1)
    if unknown:
        nodes = set(tree.nodes)
        inner = [name for name in unknown if name in nodes]
        hint = (
            f"{inner[0]!r} is an inner node: labels are classes."
            if inner
            else " ".join(unknown_name(name, tree.leaves, what) for name in unknown[:5])
        )
        raise ValueError(f"Labels must be classes of the tree. Received: {listed(unknown)}. {hint}")
    found = np.array([known[str(name)] for name in names])[which]
    return check_labels(found, tree.num_classes, count, least=1)
