"""iNaturalist 2021: 10,000 species with their seven ranks, 500,000 or 2.7 million photographs.

`tfds.load("inaturalist2021/mini")` works once `keras_haframe.data.builders` is imported.
"""

from keras_haframe.data.inaturalist2021.folders import (
    categories_of_folders as categories_of_folders,
)
from keras_haframe.data.preprocessing import Preprocessing

# Mean and deviation of iNaturalist 2019; those of 2021 are not published.
PREPROCESSING = Preprocessing.imagenet_style(
    (0.454, 0.474, 0.367), (0.237, 0.230, 0.249), change="resized_crop"
)

__all__ = ["PREPROCESSING", "categories_of_folders"]
