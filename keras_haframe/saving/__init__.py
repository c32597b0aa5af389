"""Export: SavedModels that run without this package."""

from keras_haframe.saving.portable import export_file
from keras_haframe.saving.saved_model import export

__all__ = ["export", "export_file"]
