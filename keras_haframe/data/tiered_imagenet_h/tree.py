"""The class tree of tieredImageNet-H."""

from __future__ import annotations

import pathlib

from keras_haframe.tree import ClassTree

PATH = pathlib.Path(__file__).with_name("tree.txt")


def class_tree() -> ClassTree:
    """Return the tree; classes are WordNet ids in sorted order.

    608 classes at depths 3 to 12. It is made of WordNet 3.0's hypernyms, of several the one with
    the longest way up, and pruned of nodes with a single child. Its distances are those of the
    papers' files.

    Example:

    >>> class_tree()
    ClassTree(name='tiered_imagenet_h', num_classes=608, num_nodes=843, height=12)

    Reference: Ren et al., Meta-Learning for Semi-Supervised Few-Shot Classification (ICLR 2018),
    for the classes; Bertinetto et al., Making Better Mistakes (CVPR 2020), for the tree.
    """
    lines = PATH.read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    edges = [(parent, child) for parent, *children in rows for child in children]
    parents = {parent for parent, _ in edges}
    leaves = sorted(child for _, child in edges if child not in parents)
    return ClassTree(edges, leaves, name="tiered_imagenet_h")
