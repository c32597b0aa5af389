"""Data sets and how they are read. Importing `keras_haframe.data.builders` tells TFDS of them."""

from keras_haframe.data.stored_tree import class_tree

__all__ = ["class_tree"]
