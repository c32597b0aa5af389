"""What a masked autoencoder paints in the places of hidden patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_haframe.plots.images import plot_images

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from keras_haframe.models.reconstruction import Reconstruction

COLUMNS = ("original", "masked", "reconstructed", "pasted")


def plot_reconstructions(
    reconstruction: Reconstruction,
    *,
    mean: tuple[float, ...] | float = 0.0,
    std: tuple[float, ...] | float = 1.0,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a row per image: original, masked, reconstructed, and the last two put together.

    Args:
        reconstruction: Of `MAE.reconstruct`.
        mean: What the images were normalized by, of values from 0 to 1; one number, or one per
            channel.
        std: As `mean`.
        title: Title.
        ax: Axes to draw on; new ones by default.

    Returns:
        The Axes.

    Example:

    ```python
    plot_reconstructions(mae.reconstruct(images[:6]), mean=mean, std=std)
    ```
    """
    sheets = [np.asarray(getattr(reconstruction, name)) * std + mean for name in COLUMNS]
    images = np.clip(np.stack(sheets, axis=1), 0, 1).reshape(-1, *sheets[0].shape[1:])
    if images.shape[-1] == 1:
        images = images.repeat(3, axis=-1)
    ax = plot_images(images, columns=len(COLUMNS), ax=ax)
    width = images.shape[2] + 2
    for i, name in enumerate(COLUMNS):
        ax.text((i + 0.5) * width - 1, -1.5, name, fontsize=7, ha="center", va="bottom")
    if title:
        ax.set_title(title, fontsize=9, pad=14)
    return ax
