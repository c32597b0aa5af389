"""Data sets and how they are read. `import keras_haframe.data.builders` registers them with TFDS."""
