"""Image files as they come: checked once, when a data set is prepared."""

from __future__ import annotations

import io
import warnings

POLICIES = ("refuse", "skip")
AS_THEY_ARE = (b"\xff\xd8\xff", b"\x89PNG\r\n")  # JPEG and PNG need no other encoding


def check_policy(on_corrupt: str) -> str:
    """Return `on_corrupt`, or raise unless it is `"refuse"` or `"skip"`."""
    if on_corrupt not in POLICIES:
        raise ValueError(f"`on_corrupt` must be one of {POLICIES}. Received: {on_corrupt!r}")
    return on_corrupt


def checked_image(data: bytes, source: str, on_corrupt: str = "refuse") -> bytes | None:
    """Make sure that an image can be decoded, now and not after hours of training.

    Args:
        data: Content of the file. JPEG and PNG are passed on unchanged (GIF, BMP, WebP, TIFF and
            PPM are turned into PNG).
        source: Path of the file, for messages.
        on_corrupt: `"refuse"` raises for a file that is no image or cut short, `"skip"` warns.

    Returns:
        JPEG or PNG, or `None` for a file to skip.

    Raises:
        ValueError: Naming the file, if it cannot be decoded and is not to be skipped.
    """
    try:
        return _decoded(data)
    except Exception as error:  # TensorFlow, Pillow and struct all have their own
        problem = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    message = f"{source} ({len(data)} bytes) is not a readable image: {problem[:200]}"
    if check_policy(on_corrupt) == "skip":
        warnings.warn(f"Skipped: {message}", stacklevel=2)
        return None
    raise ValueError(
        f"{message}. Fetch the file again, or leave such files out: "
        'tfds.load(..., builder_kwargs={"on_corrupt": "skip"}).'
    )


def _decoded(data: bytes) -> bytes:
    if not data:
        raise ValueError("it is empty")
    if data.startswith(AS_THEY_ARE):
        import tensorflow as tf

        tf.io.decode_image(data, channels=3, expand_animations=False)
        return data
    from PIL import Image

    png = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(png, "png")
    return png.getvalue()


def cut_bottom(data: bytes, rows: int, quality: int = 95) -> bytes:
    """Cut rows of pixels off the bottom of an encoded image; returns JPEG.

    Args:
        data: Encoded image that decodes.
        rows: Number of rows.
        quality: JPEG quality of the result, 0 to 100.
    """
    import tensorflow as tf

    image = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
    return tf.io.encode_jpeg(image[:-rows], quality=quality).numpy()
