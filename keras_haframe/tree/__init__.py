"""Class trees: the hierarchy every other room reads. NumPy only."""

from keras_haframe.tree.class_tree import ClassTree, as_tree

__all__ = ["ClassTree", "as_tree"]
