"""Data sets and how they are read. Importing `keras_haframe.data.builders` tells TFDS of them."""
