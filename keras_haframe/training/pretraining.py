"""A training without labels, such as a masked autoencoder's: resumable, its model kept."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import keras

from keras_haframe.files import whole
from keras_haframe.results import run as files
from keras_haframe.training import distribution
from keras_haframe.training.begin import begun
from keras_haframe.training.runner import train_model

MODEL = "model.keras"


def pretrain(
    make_model: Callable[[], keras.Model],
    train: Callable[[int], Any],
    epochs: int,
    folder: str | pathlib.Path,
    *,
    name: str | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    callbacks: Callable[[], list] = list,
    max_minutes: float | None = None,
    save_every: int | str | None = None,
    steps: int | None = None,
    verbose: int | None = None,
) -> dict[str, Any] | None:
    """Train a model by its own loss alone, as `run` does one with labels.

    The same call again, or one of more epochs, goes on after the last finished epoch. A finished
    run has the model after its last epoch in `model.keras`.

    Args:
        make_model: Makes a compiled model, such as `MAE`; called after the seed is set.
        train: Number of the first epoch to train, from 0, to data for `fit`, as of `run`.
        epochs: Epochs of the whole run.
        folder: The run's folder.
        name: Name of the row in tables; the folder's name by default.
        seed: Seed of the run.
        settings: What defines the run; another call with other settings is refused.
        callbacks: Makes further callbacks, such as `Reconstructions`.
        max_minutes: Stop at the end of an epoch if the next would pass this many minutes.
        save_every: Save within epochs, too, as `run` does.
        steps: Batches of an epoch, for endless training data.
        verbose: As in `fit`.

    Returns:
        The result: `"method"`, `"seed"`, `"loss"` of the last epoch and `"train_minutes"` of this
        call; `None` if the time was up first.

    Raises:
        ValueError: If `folder` holds a run with other settings, data, backend or precision.
        BlockingIOError: If another process trains in `folder`.

    Example:

    ```python
    batches = ArrayBatches(images, labels, 256, seed=0, augment=Augmentation("pad_and_crop"))
    pretrain(lambda: MAE(ViT(...)), batches.from_epoch, 100, "runs/mae")
    mae = keras.saving.load_model("runs/mae/model.keras")
    ```
    """
    folder = pathlib.Path(folder)
    defining = {**(settings or {}), "epochs": epochs, "seed": seed}
    with begun(folder, defining, train=train) as finished:
        if finished is not None:
            return finished
        trained = train_model(
            make_model, train, epochs, folder, seed=seed, callbacks=callbacks,
            max_minutes=max_minutes, save_every=save_every, steps=steps, verbose=verbose,
        )  # fmt: skip
        if trained is None:
            return None
        model, checkpoints, clock = trained
        result = {
            "method": name or folder.name,
            "seed": seed,
            "loss": checkpoints.history[-1]["loss"],
            "train_minutes": round(clock.minutes(), 2),
        }
        if distribution.is_first():
            with distribution.alone(), whole(folder / MODEL) as partial:
                model.save(partial)
            files.write_result(folder, result)
        distribution.agree(True)  # nobody reads the files before they are there
        return result
