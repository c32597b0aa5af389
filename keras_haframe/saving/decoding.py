"""JPEG and PNG byte strings to images inside the graph; a bad one does not fail the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras_haframe.data.images import decode
from keras_haframe.saving.costly import MAX_TEXTS, SCAN, count, has_many_scans, has_many_texts
from keras_haframe.saving.host_images import DAMAGED, MAX_PIXELS, NOT_AN_IMAGE, TOO_LARGE
from keras_haframe.tree_ops.values import Shape, Tensor

MAX_SCANS = 64  # a progressive JPEG has about 10; 64 over 33 million pixels take a second
THREADS = 4

OK = ""
MANY_SCANS = "JPEG image of more than {} scans"
MANY_TEXTS = f"PNG image with more than {MAX_TEXTS} compressed texts"


def decode_batch(
    image_bytes: Tensor,
    prepare: Callable[[Tensor], Tensor],
    shape: Shape,
    max_pixels: int = MAX_PIXELS,
    max_scans: int = MAX_SCANS,
    threads: int = THREADS,
) -> tuple[Tensor, Tensor, Tensor]:
    """Decode and prepare a batch of encoded images, each on its own.

    The kernels that decode raise an error for a damaged file, and a graph has no `try`. A data
    set has: `tf.data` runs inside the graph with stock kernels, decodes the rows in parallel, and
    `ignore_errors` leaves out those that raise. The rows carry their number, so that the rest find
    their places again. The header is read first, and an image with more than `max_pixels` pixels
    is never decoded, nor one that is small and takes long (see `costly`).

    Args:
        image_bytes: string tensor `[B]`, B may be 0.
        prepare: Function from a uint8 image `[h, w, C]` to the model's input `shape`.
        shape: `(H, W, C)` of the model's input, C 1 or 3.
        max_pixels: Limit on height x width of an encoded image.
        max_scans: Limit on the scans of a JPEG.
        threads: Images decoded at the same time; each may take `3 * max_pixels` bytes.

    Returns:
        `(images, ok, error)`: float32 `[B, H, W, C]`, zeros where not ok; bool `[B]`; string
        `[B]`, empty where ok, else why not.
    """
    import tensorflow as tf

    too_large = TOO_LARGE.format(f"{max_pixels:,}")
    many_scans = MANY_SCANS.format(max_scans)

    def unfit(pixels: Tensor, costly: Tensor = False, why: str = OK) -> Tensor:
        """Why an image with so many pixels is not decoded; empty where it is."""
        size = tf.where(pixels > max_pixels, too_large, tf.where(costly, why, OK))
        return tf.where(pixels > 0, size, DAMAGED)

    def row(number: Tensor, data: Tensor) -> Any:
        scans = count(data, SCAN, max_scans)
        jpeg = tf.where(scans > max_scans, 2, 1)
        other = tf.where(_starts(data, b"\x89PNG\r\n\x1a\n"), 3, 0)
        kind = tf.where(_starts(data, b"\xff\xd8\xff"), jpeg, other)
        error = tf.switch_case(
            kind,
            [
                lambda: tf.constant(NOT_AN_IMAGE),
                lambda: unfit(_jpeg_size(data)),
                lambda: unfit(_jpeg_size(data), has_many_scans(data, max_scans), many_scans),
                lambda: unfit(_png_size(data), has_many_texts(data), MANY_TEXTS),
            ],
        )
        image = tf.cond(
            tf.equal(error, OK),
            lambda: tf.cast(prepare(decode(data, shape[-1])), tf.float32),
            lambda: tf.zeros(shape, tf.float32),
        )
        return number, tf.ensure_shape(image, shape), error

    size = tf.shape(image_bytes, out_type=tf.int64)[0]
    data = tf.data.Dataset.from_tensor_slices(image_bytes).enumerate()
    data = data.map(row, num_parallel_calls=threads, deterministic=False).ignore_errors()
    # One row more than the batch has, so that there is a row even where all are damaged.
    extra = (size, tf.zeros(shape, tf.float32), tf.constant(OK))
    data = data.concatenate(tf.data.Dataset.from_tensors(extra)).batch(size + 1)
    numbers, images, errors = data.with_options(_plain_options()).get_single_element()

    # Where each row of the batch stands among the decoded ones; -1 where it is missing.
    places = tf.range(tf.shape(numbers)[0]) + 1
    places = tf.scatter_nd(numbers[:, None], places, (size + 1)[None])[:size] - 1
    found = places >= 0
    places = tf.maximum(places, 0)
    error = tf.where(found, tf.gather(errors, places), DAMAGED)
    ok = tf.equal(error, OK)
    images = tf.where(ok[:, None, None, None], tf.gather(images, places), 0.0)
    return tf.ensure_shape(images, (None, *shape)), ok, error


def _plain_options() -> Any:
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return options


def _starts(data: Tensor, magic: bytes) -> Tensor:
    import tensorflow as tf

    return tf.equal(tf.strings.substr(data, 0, len(magic)), magic)


def _jpeg_size(data: Tensor) -> Tensor:
    import tensorflow as tf

    height, width, _ = tf.unstack(tf.cast(tf.io.extract_jpeg_shape(data), tf.int64))
    return height * width


def _png_size(data: Tensor) -> Tensor:
    """Height x width from the header chunk, which the format puts at byte 12."""
    import tensorflow as tf

    header = tf.strings.substr(data, 12, 12)  # raises for a shorter string: the row is damaged
    numbers = tf.cast(tf.io.decode_raw(header, tf.uint8), tf.int64)
    powers = tf.constant([2**24, 2**16, 2**8, 1], tf.int64)
    width, height = tf.reduce_sum(numbers[4:8] * powers), tf.reduce_sum(numbers[8:12] * powers)
    is_header = tf.equal(tf.strings.substr(header, 0, 4), b"IHDR")
    in_range = (width < 2**31) & (height < 2**31)  # the format's own limit; keeps the product exact
    return tf.where(is_header & in_range, height * width, 0)
