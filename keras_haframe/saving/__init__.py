"""Export: SavedModels that run without this package, ONNX and LiteRT files, and their facts."""

from typing import TYPE_CHECKING

from keras_haframe import rooms

if TYPE_CHECKING:
    from keras_haframe.saving.file_facts import FileFacts, read_facts
    from keras_haframe.saving.portable import export_file
    from keras_haframe.saving.saved_model import export

__all__ = ["FileFacts", "export", "export_file", "read_facts"]

if not TYPE_CHECKING:  # facts are read without Keras
    __getattr__, __dir__ = rooms.lazy(
        __name__,
        __all__,
        {
            "FileFacts": "file_facts",
            "export": "saved_model",
            "export_file": "portable",
            "read_facts": "file_facts",
        },
    )
