"""Export: SavedModels that run without this package."""

from keras_haframe.export.portable import export_file
from keras_haframe.export.saved_model import export

__all__ = ["export", "export_file"]
