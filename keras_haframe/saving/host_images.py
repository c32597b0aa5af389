"""Image files to a network's input with Pillow and NumPy alone, as the served graph does it."""

from __future__ import annotations

import io
import types
import warnings
from typing import Any

import numpy as np

from keras_haframe.saving import resizing

MAX_PIXELS = 2**25  # 33.5 million, 96 MiB decoded; a 32-megapixel photograph passes
NOT_AN_IMAGE = "not a JPEG or PNG image"
TOO_LARGE = "image larger than {} pixels"
DAMAGED = "damaged image"


def decode(data: bytes, channels: int = 3) -> np.ndarray:
    """Decode a JPEG or PNG file.

    Args:
        data: Content of the file.
        channels: 3, or 1 for gray.

    Returns:
        uint8 `[h, w, channels]`.

    Raises:
        ValueError: With the words of the served graph: no such file, too large, or damaged.
    """
    from PIL import Image

    if not data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        raise ValueError(NOT_AN_IMAGE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our limit is lower than Pillow's warning
            image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
            if image.width * image.height <= MAX_PIXELS:
                return _pixels(image, channels)
    except Image.DecompressionBombError:
        pass
    except Exception as error:  # Pillow has OSError, SyntaxError, struct.error and more
        raise ValueError(DAMAGED) from error
    raise ValueError(TOO_LARGE.format(f"{MAX_PIXELS:,}"))


def _pixels(image: Any, channels: int) -> np.ndarray:
    if image.mode.startswith("I"):  # 16 bits: the upper 8, where convert() would cut off
        gray = (np.asarray(image).astype(np.int64) >> 8).astype(np.uint8)
        return np.repeat(gray[..., None], channels, -1)
    found = np.asarray(image.convert("RGB" if channels == 3 else "L"))
    return found.reshape(*found.shape[:2], channels)


def prepare(image: np.ndarray, facts: dict[str, Any]) -> np.ndarray:
    """Resize and scale an image as `Preprocessing(**facts)` does.

    Args:
        image: uint8 `[h, w, C]`.
        facts: `Preprocessing.get_config()`.

    Returns:
        float32 `[H, W, C]`.

    Raises:
        ValueError: For an interpolation other than bilinear and nearest.
    """
    how: Any = types.SimpleNamespace(**facts)
    found = resizing.resized(how, image)
    low, high = how.input_range
    if (low, high) != (0.0, 255.0):
        found = found * np.float32((high - low) / 255.0) + np.float32(low)
    found = found[..., ::-1] if how.bgr else found
    if how.mean is not None:
        found = found - np.array(how.mean, np.float32)
    return found if how.std is None else found / np.array(how.std, np.float32)
