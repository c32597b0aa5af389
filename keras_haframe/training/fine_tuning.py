"""From photographs to an experiment: a pretrained backbone, first frozen, then trained as well."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import pathlib
from typing import Any

import keras

from keras_haframe.data import Augmentation, ImageData, Preprocessing, image_folder
from keras_haframe.files import PathLike
from keras_haframe.models.classifier import build
from keras_haframe.models.named_backbones import SMALL, make_backbone
from keras_haframe.training.experiment import Experiment
from keras_haframe.training.schedules import epoch_cosine
from keras_haframe.training.stages import fine_tuning_adamw, freeze, unfreeze


def fine_tuning(
    folder: PathLike,
    backbone: str = "mobilenet_v2",
    weights: str = "imagenet",
    image_size: tuple[int, int] = (224, 224),
    *,
    epochs: int = 10,
    freeze_epochs: int | None = None,
    batch_size: int = 32,
    learning_rate: float = 3e-3,
    validation: float = 0.2,
    test: float = 0.0,
    seed: int = 0,
    augment: bool = True,
    on_corrupt: str = "refuse",
) -> tuple[Experiment, ImageData]:
    """Make the experiment of a folder of photographs: data, network, two stages and budget.

    The head is trained on the frozen backbone for `freeze_epochs`, then all of it, the backbone at
    a low rate and with the batch statistics of its pre-training (AdamW, see `fine_tuning_adamw`;
    one cosine of the rate over both stages). Images are prepared as the backbone's weights want
    them; the model carries the preparation, so `export` needs no second word. With weights `"none"`
    there is one stage at one rate.

    Args:
        folder: The photographs, see `data.image_folder`.
        backbone: Name, see `models.make_backbone`.
        weights: `"imagenet"`, `"none"` or a file.
        image_size: `(height, width)`.
        epochs: Epochs of both stages together.
        freeze_epochs: Epochs of the first, 0 for none; by default a third of `epochs`.
        batch_size: Training batch, over all devices.
        learning_rate: Rate of the head at the start.
        validation: Share of every class for validation, where the folder has no such split.
        test: Likewise for the test. Without test images the validation images are scored.
        seed: Seed of the division into splits.
        augment: Whether training images are cropped and mirrored at random.
        on_corrupt: As of `data.image_folder`.

    Returns:
        The experiment for `compare`, and the data.

    Raises:
        ValueError: For values out of range, and as `image_folder` and `make_backbone` do.

    Example:

    ```python
    experiment, data = fine_tuning("photos", epochs=10)
    rows = {"HAFrame": ("haframe", {}), "cross-entropy": ("cross_entropy", {})}
    compare(experiment, rows, seeds=[0], folder="runs/photos")
    model = experiment.trained("runs/photos", "HAFrame")
    ```
    """
    if epochs < 1 or not learning_rate > 0:
        raise ValueError(
            "`epochs` must be 1 or more and `learning_rate` positive. "
            f"Received: epochs={epochs}, learning_rate={learning_rate}"
        )
    pretrained = weights != "none"
    if freeze_epochs is None:
        freeze_epochs = math.ceil(epochs / 3) if pretrained else 0
    if not 0 <= freeze_epochs <= epochs or (freeze_epochs and not pretrained):
        raise ValueError(
            "`freeze_epochs` must be from 0 to `epochs`, and 0 with weights none, because a frozen "
            f"random backbone learns nothing. Received: freeze_epochs={freeze_epochs}, "
            f"epochs={epochs}, weights={weights!r}"
        )
    how = _preparation(make_backbone(backbone, image_size, weights), image_size, augment)
    data = image_folder(
        folder, batch_size=batch_size, validation=validation, test=test, preprocessing=how,
        seed=seed, on_corrupt=on_corrupt,
    )  # fmt: skip
    scored = "test" if data.files["test"] else "validation"
    if not data.files[scored]:
        raise ValueError(
            "There must be images to score: give a share for validation or test, or folders so "
            f"called. Received: validation={validation}, test={test}"
        )

    def make_model(method: str, options: dict[str, Any], synchronized: bool) -> keras.Model:
        net = make_backbone(backbone, image_size, weights)
        model = build(
            net, data.tree, method, synchronized=synchronized, preprocessing=how, **options
        )
        if freeze_epochs:
            freeze(model)
        slow = {} if pretrained else {"backbone": 1.0}
        model.compile(fine_tuning_adamw(model, learning_rate, **slow))
        return model

    experiment = Experiment(
        data.tree, make_model,
        lambda seed: dataclasses.replace(data, seed=seed).from_epoch,
        (getattr(data, scored), data.labels[scored]), epochs, data.validation,
        batch_size=batch_size, steps=data.steps_per_epoch,
        callbacks=lambda: [epoch_cosine(learning_rate, epochs)],
        stages={freeze_epochs: unfreeze(learning_rate)} if freeze_epochs else None,
        settings={
            "images": fingerprint(data, pathlib.Path(folder)), "scored": scored,
            "backbone": backbone, "weights": weights, "image_size": image_size,
            "freeze_epochs": freeze_epochs, "batch_size": batch_size,
            "learning_rate": learning_rate, "augment": augment,
        },
    )  # fmt: skip
    return experiment, data


def _preparation(net: keras.Model, size: tuple[int, int], augment: bool) -> Preprocessing:
    """As the network's weights want images; `small_cnn` scales them itself."""
    crop = Augmentation("resized_crop", scale=(0.3, 1.0)) if augment else Augmentation()
    if net.name == SMALL:
        return Preprocessing(size, augmentation=crop)
    return Preprocessing.for_backbone(net, size, augmentation=crop)


def fingerprint(data: ImageData, folder: pathlib.Path) -> str:
    """Say which images these are: number, and a digest of splits, names and labels.

    A run is not taken up, or its result returned, with other images than it began with. That an
    image was replaced under its name is not noticed.
    """
    digest, top = hashlib.sha256(), folder.absolute()
    for split, files in data.files.items():
        for file, label in zip(files, data.labels[split], strict=True):
            path = pathlib.Path(file)
            name = path.relative_to(top) if path.is_relative_to(top) else path
            digest.update(f"{split}\0{name.as_posix()}\0{data.class_names[label]}\n".encode())
    return f"{sum(map(len, data.files.values()))} images, {digest.hexdigest()[:12]}"
