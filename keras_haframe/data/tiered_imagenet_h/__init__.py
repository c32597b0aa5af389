"""tieredImageNet-H: 608 ImageNet classes with a tree of WordNet hypernyms.

`tfds.load("tiered_imagenet_h")` works once `keras_haframe.data.builders` is imported; `class_tree`
needs NumPy only.
"""

from keras_haframe.data.tiered_imagenet_h.tree import class_tree as class_tree

__all__ = ["class_tree"]
