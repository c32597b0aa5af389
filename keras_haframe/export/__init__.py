"""Export: SavedModels that run without this package."""

from keras_haframe.export.portable import export_file
from keras_haframe.export.preprocessing import Preprocessing
from keras_haframe.export.saved_model import export

__all__ = ["Preprocessing", "export", "export_file"]
