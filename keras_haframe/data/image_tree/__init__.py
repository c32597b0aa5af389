"""Any folder of images whose folders are the class tree.

`tfds.load("image_tree", ...)` works once `keras_haframe.data.builders` is imported.
"""
