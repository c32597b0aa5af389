"""A picture of what a masked autoencoder paints, after every epoch."""

from __future__ import annotations

import pathlib
from typing import Any

import keras
import numpy as np

from keras_haframe.files import whole
from keras_haframe.plots.reconstructions import plot_reconstructions
from keras_haframe.training import distribution


class Reconstructions(keras.callbacks.Callback):
    """Draw the same images with the same masks after every epoch.

    In a run's folder the picture is shown by `haframe report`.

    Args:
        images: `[n, H, W, C]` as in training, a handful.
        path: PNG file, written anew each time.
        mean: What the images were normalized by, see `plot_reconstructions`.
        std: As `mean`.
        every: Epochs from a picture to the next; the last epoch has one, too.
        seed: Seed of the masks.

    Raises:
        ValueError: If `every` is not positive.

    Example:

    ```python
    mae.fit(images, epochs=100, callbacks=[Reconstructions(images[:6], "runs/mae/mae.png")])
    ```
    """

    def __init__(
        self,
        images: np.ndarray,
        path: str | pathlib.Path,
        mean: tuple[float, ...] | float = 0.0,
        std: tuple[float, ...] | float = 1.0,
        every: int = 1,
        seed: int = 0,
    ):
        super().__init__()
        if every < 1:
            raise ValueError(f"`every` must be positive. Received: every={every}")
        self.images, self.path = images, pathlib.Path(path)
        self.mean, self.std, self.every, self.seed = mean, std, every, seed

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if (epoch + 1) % self.every and epoch + 1 != self.params.get("epochs"):
            return
        if not distribution.is_first():
            return
        from matplotlib import pyplot as plt

        rows, columns = self.model.encoder.grid
        draws = np.random.default_rng(self.seed).random((len(self.images), rows * columns))
        made = self.model.reconstruct(self.images, noise=draws.astype("float32"))
        title = f"after epoch {epoch + 1}"
        figure: Any = plot_reconstructions(made, mean=self.mean, std=self.std, title=title).figure
        with whole(self.path) as partial:
            figure.savefig(partial, dpi=150, bbox_inches="tight")
        plt.close(figure)
