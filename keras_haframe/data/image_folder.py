"""From a folder of photographs to data sets, tree and file names."""

from __future__ import annotations

import pathlib
import warnings

from keras_haframe.data.image_data import ImageData, image_data, prepared_to
from keras_haframe.data.images import check_policy
from keras_haframe.data.labeled_files import files_of_folders
from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.files import PathLike
from keras_haframe.tree import ClassTree
from keras_haframe.tree.split_folders import SPLIT_FOLDERS


def image_folder(
    path: PathLike,
    image_size: tuple[int, int] | None = None,
    batch_size: int = 32,
    validation: float = 0.2,
    test: float = 0.0,
    *,
    preprocessing: Preprocessing | None = None,
    tree: ClassTree | None = None,
    divided: bool | None = None,
    seed: int = 0,
    on_corrupt: str = "refuse",
    inner_images: str = "refuse",
) -> ImageData:
    """Read a folder of photographs, a folder per class, folders of folders as the tree.

    Images are JPEG, PNG, BMP, GIF, WebP, TIFF and PPM files, by their ending, in capital letters or
    not. They are decoded as the exported model decodes them, alpha dropped, the orientation that a
    camera notes in EXIF not applied. Details: docs/photographs.md.

    Args:
        path: The folder. If its folders are `train`, `validation` (or `val`) and `test`, these are
            the splits, and the tree is that of `train`.
        image_size: `(height, width)` of the images, if `preprocessing` does not say it.
        batch_size: Images per batch.
        validation: Share of every class for validation, where the folder has no such split.
        test: Likewise for the test.
        preprocessing: How images are prepared and augmented; by default stretched to the size,
            bilinear, values from 0 to 255. The result carries it for `build` and `export`.
        tree: A tree that has the folders' names as classes; by default the folders are the tree.
        divided: Whether the folders at the top are splits; `None` to see by their names.
        seed: Seed of the division, of the order and of the augmentation.
        on_corrupt: `"refuse"`: a file that cannot be read raises when it is first read, by its
            name. `"skip"`: every file is read once now, and such files are left out, with a
            warning.
        inner_images: Images in folders that have folders: `"refuse"`, or `"skip"` with a warning.

    Returns:
        `ImageData`: data sets `train`, `validation`, `test`, with `tree`, `files`, `labels`.

    Raises:
        ValueError: For a folder that is not clearly a tree of classes, and options out of range.
        ModuleNotFoundError: Without TensorFlow, whose `tf.data` feeds every backend.

    Example:

    ```python
    data = keras_haframe.data.image_folder("photos", image_size=(224, 224))
    print(data)
    model = keras_haframe.build(backbone, data.tree)
    model.fit(data.train, validation_data=data.validation, epochs=10)
    scores = model.predict(data.validation)  # row i is data.files["validation"][i]
    ```
    """
    how = prepared_to(image_size, preprocessing)
    check_policy(on_corrupt)
    top = pathlib.Path(path).absolute()
    beside = top.parent / "train"
    if tree is None and SPLIT_FOLDERS.get(top.name.lower(), "train") != "train" and beside.is_dir():
        warnings.warn(
            f"{path} lies beside {beside}, whose classes need not be the same, and then other "
            f"labels. Give {top.parent}, or say tree=... with the tree of the training images.",
            stacklevel=2,
        )
    found = files_of_folders(path, tree=tree, divided=divided, inner_images=inner_images)
    shares = {"validation": validation, "test": test}
    return image_data(found, how, batch_size, shares, seed, on_corrupt, top.name or str(top))
