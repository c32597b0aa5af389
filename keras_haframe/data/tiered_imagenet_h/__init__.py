"""tieredImageNet-H: 608 ImageNet classes with a tree of WordNet hypernyms.

`tfds.load("tiered_imagenet_h")` works once `keras_haframe.data.builders` is imported; `class_tree`
needs NumPy only.
"""

from keras_haframe.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from keras_haframe.data.tiered_imagenet_h.tree import class_tree as class_tree

PREPROCESSING = Preprocessing.imagenet_style(IMAGENET_MEAN, IMAGENET_STD, change="resized_crop")

__all__ = ["PREPROCESSING", "class_tree"]
