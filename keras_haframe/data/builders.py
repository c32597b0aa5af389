"""Importing this module makes `tfds.load()` know the data sets of this package.

Needs TensorFlow and TensorFlow Datasets; the rest of `keras_haframe.data` does not.
"""

from keras_haframe.data.drawn_aircraft import drawn_aircraft_dataset_builder

__all__ = ["drawn_aircraft_dataset_builder"]
