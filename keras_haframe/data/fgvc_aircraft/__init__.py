"""FGVC-Aircraft: 10,000 photographs of 100 variants in 70 families of 30 manufacturers.

`tfds.load("fgvc_aircraft")` works once `keras_haframe.data.builders` is imported.
"""

from keras_haframe.data.preprocessing import Preprocessing

PREPROCESSING = Preprocessing.imagenet_style(
    (0.4880712, 0.5191783, 0.54383063), (0.21482512, 0.20683703, 0.23937796),
    change="pad_and_crop",
)  # fmt: skip
