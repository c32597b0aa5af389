"""FGVC-Aircraft: 10,000 photographs of 100 variants in 70 families of 30 manufacturers.

`tfds.load("fgvc_aircraft")` works once `keras_haframe.data.builders` is imported.
"""
