"""A drawn catalogue of 10,000 or 100,000 goods in a deep tree, for work at that number of classes.

Nothing is downloaded: small pictures are drawn with NumPy when they are asked for, so that a
network trains on them in minutes. A node of the tree changes the design that it takes over, the
deeper the less, so that near classes look alike. Places, sizes and colors of patches of color are
designed; pixels are no linear function of them, and place, light and grain differ from picture to
picture. `tfds.load("drawn_catalogue/10k")` works once `keras_haframe.data.builders`
is imported; the functions here need NumPy only.
"""

from keras_haframe.data.augmentation import Augmentation
from keras_haframe.data.drawn_catalogue.catalogue import CONFIGS as CONFIGS
from keras_haframe.data.drawn_catalogue.catalogue import Catalogue as Catalogue
from keras_haframe.data.drawn_catalogue.catalogue import class_tree as class_tree
from keras_haframe.data.drawn_catalogue.pictures import Pictures as Pictures
from keras_haframe.data.drawn_catalogue.pictures import load_arrays as load_arrays
from keras_haframe.data.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(
    input_range=(0.0, 1.0),
    mean=(0.52, 0.52, 0.52),
    std=(0.22, 0.22, 0.22),
    augmentation=Augmentation("pad_and_crop", padding=1, pad_mode="reflect", mirror=False),
)

__all__ = ["CONFIGS", "PREPROCESSING", "Catalogue", "Pictures", "class_tree", "load_arrays"]
