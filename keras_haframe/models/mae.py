"""Masked autoencoders: a vision transformer learns from images without labels."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_haframe.files import PathLike
from keras_haframe.hdf5_files import check_hdf5
from keras_haframe.layers import masking
from keras_haframe.layers.mae_decoder import MAEDecoder
from keras_haframe.layers.patch_embedding import patchify
from keras_haframe.models.build_optimizer import build_optimizer
from keras_haframe.models.checks import check_float_images
from keras_haframe.models.masked_patch_loss import masked_patch_loss
from keras_haframe.models.reconstruction import Reconstruction, reconstruct
from keras_haframe.models.step_memory import check_step_memory
from keras_haframe.models.vit import ViT
from keras_haframe.tree_ops.values import Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class MAE(keras.Model):
    """A masked autoencoder: most patches of an image are hidden and painted again from the rest.

    The encoder sees the visible patches alone, so a step costs a fraction of one on whole images.
    `fit(images)` trains it, without labels (labels in the data are not looked at); it comes
    compiled with AdamW at the paper's settings for a batch of 256. Afterwards `mae.encoder` is a
    backbone for `build`.

    Args:
        encoder: A `ViT`.
        mask_ratio: Part of the patches that is hidden.
        sampling: `"random"`, `"block"` or `"grid"`, see `layers.masking.mask_noise`.
        decoder_width, decoder_depth, decoder_heads: Size of the decoder.
        normalize_targets: Whether the target pixels of a patch are normalized by their own mean and
            standard deviation.
        encoder_mask_tokens: Give the encoder mask tokens in the places of hidden patches, too. The
            paper's negative result: slower, and worse.
        seed: Seed of the masks.
        name: Name of the model.

    Attributes:
        encoder: The `ViT`, as given.
        decoder: `layers.MAEDecoder`.
        visible: Number of visible patches.

    Calling it on images gives `{"pixels": [B, L, p p C], "mask": [B, L]}`, 1 for hidden.

    Raises:
        ValueError: For a ratio that is not between 0 and 1 or leaves no patch visible, an encoder
            with relative positions, and options out of range.

    Example:

    ```python
    mae = MAE(ViT((32, 32, 3), (192, 12, 3), patch_size=4))
    mae.fit(images, batch_size=256, epochs=100)
    backbone = mae.encoder.copy(pooling="average", drop_path=0.1)
    model = keras_haframe.build(backbone, tree)
    ```

    Reference: He et al., Masked Autoencoders Are Scalable Vision Learners (CVPR 2022).
    """

    def __init__(
        self,
        encoder: ViT,
        mask_ratio: float = 0.75,
        *,
        sampling: str = "random",
        decoder_width: int = 512,
        decoder_depth: int = 8,
        decoder_heads: int = 16,
        normalize_targets: bool = True,
        encoder_mask_tokens: bool = False,
        seed: int = 0,
        name: str = "mae",
    ):
        if not isinstance(encoder, ViT):
            raise ValueError(
                f"`encoder` must be a keras_haframe.models.ViT. Received: {type(encoder).__name__}"
            )
        if encoder.relative_positions:
            raise ValueError(
                "`encoder` must not have relative positions: they are for whole images, and the "
                "encoder sees the visible patches alone. Received: relative_positions=True"
            )
        if sampling not in masking.SAMPLINGS:
            raise ValueError(
                f"`sampling` must be one of {masking.SAMPLINGS}. Received: {sampling!r}"
            )
        super().__init__(name=name)
        rows, columns = encoder.grid
        self.visible = masking.visible_count(rows * columns, mask_ratio)
        self.encoder = encoder
        self._recipe: dict[str, Any] = {
            "mask_ratio": mask_ratio,
            "sampling": sampling,
            "decoder_width": decoder_width,
            "decoder_depth": decoder_depth,
            "decoder_heads": decoder_heads,
            "normalize_targets": normalize_targets,
            "encoder_mask_tokens": encoder_mask_tokens,
            "seed": seed,
        }
        self.normalize_targets = normalize_targets
        self.encoder_mask_tokens = encoder_mask_tokens
        self.seed_generator = keras.random.SeedGenerator(seed)
        outputs = encoder.patch_size**2 * encoder.input_shape[-1]
        self.decoder = MAEDecoder(
            encoder.grid, outputs, decoder_width, decoder_depth, decoder_heads, name="decoder"
        )
        self.build(encoder.input_shape)
        self.compile(keras.optimizers.AdamW(1.5e-4, weight_decay=0.05, beta_2=0.95))

    def build(self, input_shape: Any) -> None:
        if getattr(self, "built", False):
            return
        tokens = self.encoder.grid[0] * self.encoder.grid[1]
        count = tokens if self.encoder_mask_tokens else self.visible
        self.decoder.build((None, 1 + count, self.encoder.width))
        if self.encoder_mask_tokens:
            self.mask_token = self.add_weight(
                (1, 1, self.encoder.width), name="mask_token",
                initializer=keras.initializers.RandomNormal(stddev=0.02),
            )  # fmt: skip
        self.built = True

    def call(
        self, images: Tensor, noise: Tensor | None = None, training: bool | None = None
    ) -> dict[str, Tensor]:
        """Hide patches and paint them again.

        Args:
            images: `[B, H, W, C]`.
            noise: `[B, L]`; the patches with the smallest numbers stay visible. Drawn by default.
            training: Whether in training.

        Returns:
            `"pixels"` `[B, L, p p C]` and `"mask"` `[B, L]`.
        """
        if noise is None:
            noise = masking.mask_noise(
                self._recipe["sampling"], ops.shape(images)[0], self.encoder.grid,
                self._recipe["mask_ratio"], self.seed_generator,
            )  # fmt: skip
        visible, restore, mask = masking.split_patches(noise, self.visible)
        tokens = self.encoder.embed(images)
        if self.encoder_mask_tokens:
            hidden = ops.cast(mask, tokens.dtype)[..., None]
            fill = ops.cast(self.mask_token, tokens.dtype) + self.encoder.patches.place()
            tokens = tokens * (1 - hidden) + fill * hidden
        else:
            tokens = masking.take_tokens(tokens, visible)
        return {"pixels": self.decoder(self.encoder.encode(tokens), restore), "mask": mask}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """Mean squared error of the hidden patches; labels and weights are not looked at."""
        target = patchify(x, self.encoder.patch_size)
        loss = masked_patch_loss(target, y_pred["pixels"], y_pred["mask"], self.normalize_targets)
        return self._aggregate_additional_loss(loss)  # which divides by the number of replicas

    def fit(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, **kwargs: Any
    ) -> keras.callbacks.History:
        """As `keras.Model.fit`, on images (or images and labels), after checks.

        Raises:
            ValueError: If images are not floats of the encoder's shape, or a batch cannot fit into
                memory.
        """
        count = check_float_images(x, self.encoder.input_shape)
        if isinstance(x, np.ndarray):
            count = min(len(x), batch_size or 32)
        if count is not None:
            check_step_memory(self, count)
        build_optimizer(self)
        return super().fit(x, y, batch_size, **kwargs)

    def reconstruct(self, images: Tensor, noise: Tensor | None = None) -> Reconstruction:
        """Hide patches of images and paint them again, for a picture.

        Normalized patches get back the mean and standard deviation of the original, which the
        model does not know.

        Args:
            images: `[B, H, W, C]`, as in training.
            noise: `[B, L]`; the patches with the smallest numbers stay visible. Drawn by default.

        Returns:
            A `Reconstruction`.
        """
        return reconstruct(self, images, noise)

    def load_weights(self, filepath: PathLike, *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.load_weights`, of a file that is safe to read."""
        check_hdf5(filepath)
        super().load_weights(filepath, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        encoder = keras.saving.serialize_keras_object(self.encoder)
        return {"encoder": encoder, "name": self.name, **self._recipe}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> MAE:
        encoder = keras.saving.deserialize_keras_object(
            config["encoder"], custom_objects=custom_objects
        )
        return cls(**{**config, "encoder": encoder})
