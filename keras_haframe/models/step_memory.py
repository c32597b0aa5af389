"""Whether a training step fits into memory, asked before it is tried: the least it can take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from keras_haframe.memory import available_bytes

if TYPE_CHECKING:
    from keras_haframe.models.mae import MAE


def least_bytes(mae: MAE, batch: int) -> int:
    """Bytes that a training step of a masked autoencoder keeps at least.

    Weights, gradients and two moments in float32; of every block what the way back cannot do
    without: the inputs of both norms, queries, keys, values, what attention gives, and the inner
    layer of four widths: 10 numbers per token and unit of width. Attention matrices, masks and
    copies come on top and differ between backends.

    Args:
        mae: The model.
        batch: Images of a batch.

    Example:

    >>> from keras_haframe.models import MAE, ViT
    >>> small = MAE(ViT((32, 32, 3), (192, 12, 3), patch_size=4))
    >>> round(least_bytes(small, 256) / 2**20)
    3451
    """
    encoder, decoder = mae.encoder, mae.get_config()
    tokens = encoder.grid[0] * encoder.grid[1]
    seen = tokens if mae.encoder_mask_tokens else mae.visible
    numbers = (seen + 1) * encoder.width * encoder.depth
    numbers += (tokens + 1) * decoder["decoder_width"] * decoder["decoder_depth"]
    size = 2 if "16" in keras.config.dtype_policy().compute_dtype else 4
    return 10 * numbers * batch * size + 16 * mae.count_params()


def check_step_memory(mae: MAE, batch: int) -> None:
    """Raise if a training step cannot fit into the memory that is there.

    Raises:
        ValueError: If the least that a step takes is more than all devices have together.
    """
    available, needed = available_bytes(), least_bytes(mae, batch)
    if available is not None and needed > available:
        decoder = mae.get_config()
        raise ValueError(
            f"A batch of {batch} images takes at least {_gib(needed)} in a training step, of which "
            f"the decoder ({decoder['decoder_depth']} blocks of {decoder['decoder_width']}) is a "
            f"part; {_gib(available)} are available. Choose a smaller `batch_size`, "
            "`decoder_width` or `decoder_depth`, or keras.config.set_dtype_policy('mixed_bfloat16')"
        )


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
