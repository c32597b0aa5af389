"""Image files as they come: how they are decoded, and that they can be."""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING

import numpy as np

from keras_haframe.data.crops import _tensorflow

if TYPE_CHECKING:  # it imports Keras, which drawing pictures needs not
    from keras_haframe.tree_ops.values import Tensor

POLICIES = ("refuse", "skip")
AS_THEY_ARE = (b"\xff\xd8\xff", b"\x89PNG\r\n")  # JPEG and PNG need no other encoding
TFDS_HINT = 'tfds.load(..., builder_kwargs={"on_corrupt": "skip"})'


def decode(data: Tensor, channels: int = 3) -> Tensor:
    """Decode the bytes of a JPEG or PNG file, in training as in the served model.

    Pixel by pixel as Pillow does it: alpha is dropped, of 16 bits the upper 8 are kept, and the
    orientation that a camera notes in EXIF is not applied.

    Args:
        data: String tensor `[]`.
        channels: 3, or 1 for gray.

    Returns:
        uint8 `[h, w, channels]`.
    """
    # Reads PNG, too. The default is a faster transform that is off by several gray levels, and
    # `decode_image` has no other.
    return _tensorflow().io.decode_jpeg(data, channels, dct_method="INTEGER_ACCURATE")


def check_policy(on_corrupt: str) -> str:
    """Return `on_corrupt`, or raise unless it is `"refuse"` or `"skip"`."""
    if on_corrupt not in POLICIES:
        raise ValueError(f"`on_corrupt` must be one of {POLICIES}. Received: {on_corrupt!r}")
    return on_corrupt


def checked_image(
    data: bytes, source: str, on_corrupt: str = "refuse", hint: str = TFDS_HINT
) -> bytes | None:
    """Make sure that an image can be decoded, now and not after hours of training.

    Args:
        data: Content of the file. JPEG and PNG are passed on unchanged (GIF, BMP, WebP, TIFF and
            PPM are turned into PNG).
        source: Path of the file, for messages.
        on_corrupt: `"refuse"` raises for a file that is no image or cut short, `"skip"` warns.
        hint: How such files are left out.

    Returns:
        JPEG or PNG, or `None` for a file to skip.

    Raises:
        ValueError: Naming the file, if it cannot be decoded and is not to be skipped.
    """
    try:
        pixels = pixels_of(data)
        return data if data.startswith(AS_THEY_ARE) else _png(pixels)
    except Exception as error:  # TensorFlow, Pillow and struct all have their own
        problem = reason(error)
    message = f"{source} ({len(data)} bytes) is not a readable image: {problem}"
    if check_policy(on_corrupt) == "skip":
        warnings.warn(f"Skipped: {message}", stacklevel=2)
        return None
    raise ValueError(f"{message}. Fetch the file again, or leave such files out: {hint}.")


def reason(error: Exception) -> str:
    """First line of an error's message, at most 200 characters of it."""
    text = re.sub(r"\{\{.*?\}\} ?", "", str(error)).strip().splitlines()  # TensorFlow's nodes
    return text[0][:200] if text else type(error).__name__


def pixels_of(data: bytes) -> np.ndarray:
    """Decode a file of any kind that is read: uint8 `[h, w, 3]`; of an animation the first image.

    Args:
        data: Content of the file.

    Raises:
        Exception: TensorFlow's or Pillow's, if it cannot be decoded.
    """
    if not data:
        raise ValueError("it is empty")
    if data.startswith(AS_THEY_ARE):  # by the same kernel as in the graph, whatever Pillow says
        return decode(data).numpy()
    from PIL import Image

    image = Image.open(io.BytesIO(data))
    if image.mode in ("F", "I"):
        raise ValueError(f"it opens with 32 bits a pixel (mode {image.mode!r}); save it with 8")
    if image.mode.startswith("I;16"):  # convert() would make all above 255 white
        gray = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
        return np.repeat(gray[..., None], 3, -1)
    return np.asarray(image.convert("RGB"))


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def cut_bottom(data: bytes, rows: int, quality: int = 95) -> bytes:
    """Cut rows of pixels off the bottom of an encoded image; returns JPEG.

    Args:
        data: Encoded image that decodes.
        rows: Number of rows.
        quality: JPEG quality of the result, 0 to 100.
    """
    return _tensorflow().io.encode_jpeg(decode(data)[:-rows], quality=quality).numpy()
