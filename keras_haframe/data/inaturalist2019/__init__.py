"""iNaturalist 2019: 268,243 photographs of 1,010 species, with their seven ranks as the tree.

`tfds.load("inaturalist2019")` works once `keras_haframe.data.builders` is imported.
"""

from keras_haframe.data.preprocessing import Preprocessing

PREPROCESSING = Preprocessing.imagenet_style(
    (0.454, 0.474, 0.367), (0.237, 0.230, 0.249), change="resized_crop"
)
