"""iNaturalist 2019: 268,243 photographs of 1,010 species, with their seven ranks as the tree.

`tfds.load("inaturalist2019")` works once `keras_haframe.data.builders` is imported.
"""
