"""Small files that take long to decode, told by their bytes inside the graph.

The limit on pixels bounds the memory of an image, not the time: a progressive JPEG goes over all
its pixels once for every scan, and 400 kB hold thousands of scans of nothing; a compressed text
of a PNG file grows a thousandfold, to 8 MB each.
"""

from __future__ import annotations

from keras_haframe.tree_ops.values import Tensor

SCAN = b"\xff\xda"  # in the data of a scan, FF is followed by 0 or a restart
TEXTS = (b"zTXt", b"iTXt")
MAX_TEXTS = 16  # usual files have up to four; 16 take 0.5 s
MAX_PARTS, MAX_BYTES = 4096, 2**25  # of a JPEG file, looked at where it has many markers


def has_many_scans(data: Tensor, limit: int) -> Tensor:
    """Whether a JPEG file has more than `limit` scans, from part to part as the decoder goes.

    Worth its time only where `count` finds more: the marker never stands in a scan's data, but in
    thumbnails, and by chance in what phones write behind the image, such as a film.

    Args:
        data: String tensor `[]`.
        limit: Scans that may be.

    Returns:
        bool `[]`; true also where the image does not end within 4,096 parts and 32 MiB.
    """
    import tensorflow as tf

    content = tf.pad(tf.io.decode_raw(tf.strings.substr(data, 0, MAX_BYTES), tf.uint8), [[0, 4]])
    second = content[1:]
    places = tf.where((content[:-1] == 0xFF) & (second != 0) & (second != 0xFF))[:, 0]
    places = tf.concat([places, tf.shape(content, tf.int64) - 4], 0)  # the end of the file

    def step(at: Tensor, scans: Tensor, done: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        at = places[tf.searchsorted(places, at[None])[0]]
        kind, high, low = tf.unstack(tf.cast(content[at + 1 : at + 4], tf.int64), 3)
        # Restarts and what is no marker by the format have no length: what follows is looked at.
        alone = (kind < 0xC0) | ((kind >= 0xD0) & (kind <= 0xD8))
        length = tf.where(alone, tf.zeros_like(high), tf.maximum(256 * high + low, 2))
        is_end = (kind == 0xD9) | (at == places[-1])
        return at + 2 + length, scans + tf.cast(kind == 0xDA, tf.int32), is_end

    _, scans, done = tf.while_loop(
        lambda at, scans, done: ~done & (scans <= limit),
        step,
        (tf.constant(2, tf.int64), tf.constant(0), tf.constant(False)),
        maximum_iterations=MAX_PARTS,
    )
    return ~done | (scans > limit)


def has_many_texts(data: Tensor) -> Tensor:
    """Whether a PNG file has more than `MAX_TEXTS` texts that may be compressed; bool `[]`."""
    packed, international = (count(data, kind, MAX_TEXTS) for kind in TEXTS)
    return packed + international > MAX_TEXTS


def count(data: Tensor, part: bytes, limit: int) -> Tensor:
    """How often `part` stands in a string; beyond `limit` counting ends."""
    import tensorflow as tf

    parts = tf.raw_ops.StringSplitV2(input=data[None], sep=part, maxsplit=limit + 1)
    return tf.cast(parts.shape[1], tf.int32) - 1
