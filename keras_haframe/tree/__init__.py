"""Class trees: the hierarchy every other room reads. NumPy only."""

from keras_haframe.tree.class_tree import ClassTree, as_tree
from keras_haframe.tree.diff import TreeDiff
from keras_haframe.tree.doctor import Checkup, Finding, doctor
from keras_haframe.tree.files import read

__all__ = ["Checkup", "ClassTree", "Finding", "TreeDiff", "as_tree", "doctor", "read"]
