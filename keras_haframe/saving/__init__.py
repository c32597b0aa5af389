"""Export: SavedModels that run without this package."""

from keras_haframe.saving.portable import export_file
from keras_haframe.saving.saved_model import export
from keras_haframe.saving.triton import write_triton_repository

__all__ = ["export", "export_file", "write_triton_repository"]
