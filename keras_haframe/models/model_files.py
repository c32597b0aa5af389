"""Files of models: what cannot be read back, or holds other classes, is refused."""

from __future__ import annotations

import pathlib
import zipfile

from keras_haframe.archives import read_json
from keras_haframe.files import PathLike
from keras_haframe.tree import ClassTree
from keras_haframe.tree.config import classes_of


def check_keras_file(path: PathLike) -> None:
    """Raise unless a whole model can be saved to `path` and read back."""
    path = pathlib.Path(path)
    if path.suffix in (".h5", ".hdf5", ".weights"):
        raise ValueError(
            f"The file must end in .keras. Received: {str(path)!r}. Keras's older HDF5 form cannot "
            f"be read back: model.save({str(path.with_suffix('.keras'))!r}), or for the weights "
            f"alone model.save_weights({str(path.with_suffix('.weights.h5'))!r})."
        )


def check_classes(path: PathLike, tree: ClassTree) -> None:
    """Raise if a `.keras` file holds a model of other classes, or of another order.

    Args:
        path: The file; one that is no `.keras` file says nothing.
        tree: The tree of the model that takes its weights.
    """
    if pathlib.Path(path).suffix != ".keras" or not zipfile.is_zipfile(path):
        return
    (saved,) = read_json(path, "config.json")
    try:
        config = saved["config"].get("tree")
        kept = classes_of(config) if config else None
    except (TypeError, KeyError, AttributeError):
        raise ValueError(f"{path} is no Keras file: its config.json is of another form") from None
    if kept is None or kept == tree.leaves:
        return
    same = sorted(kept) == sorted(tree.leaves)
    raise ValueError(
        f"The weights in {path} are of "
        + ("the same classes in another order" if same else "other classes")
        + f": {kept[:6]}; the model has {tree.leaves[:6]}. "
        + "Build the model with the file's tree, `keras.models.load_model(path).tree`; for a new "
        "tree on a trained backbone see docs/fine_tuning.md."
    )
