"""Export: SavedModels that run without this package."""

from keras_haframe.export.saved_model import export

__all__ = ["export"]
