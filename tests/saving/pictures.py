"""Encoded test pictures, good and bad."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def rgb(height=20, width=30, seed=0) -> np.ndarray:
    """A smooth uint8 picture, so that JPEG keeps it nearly as it is."""
    phase = np.random.default_rng(seed).uniform(0, 6, 3)
    y, x = np.mgrid[0:height, 0:width]
    wave = np.sin(x[..., None] / 9 + y[..., None] / 7 + phase)
    return (127.5 + 120 * wave).astype(np.uint8)


def encode(array, format="PNG", mode=None, **options) -> bytes:
    """Encode an array or a Pillow image."""
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    file = io.BytesIO()
    (image.convert(mode) if mode else image).save(file, format, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of_size(width: int, height: int, data: bytes = b"\0") -> bytes:
    """A PNG whose header promises a size that its few bytes of data do not have."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def jpeg_of_size(width: int, height: int) -> bytes:
    """A JPEG with another size written into its header."""
    data = bytearray(encode(rgb(), "JPEG"))
    at = data.index(b"\xff\xc0") + 5  # start of frame: length, precision, height, width
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def jpeg_of_scans(count: int, **options) -> bytes:
    """A progressive JPEG whose last scan, one of the ten, is repeated."""
    data = encode(rgb(), "JPEG", progressive=True, **options)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * (count - data.count(b"\xff\xda")) + data[-2:]


def with_segment(jpeg: bytes, kind: int, content: bytes) -> bytes:
    """A JPEG with a further segment in front."""
    return jpeg[:2] + struct.pack(">BBH", 255, kind, len(content) + 2) + content + jpeg[2:]


def png_with(chunks: bytes) -> bytes:
    """A PNG with further chunks behind its header."""
    data = encode(rgb())
    return data[:33] + chunks + data[33:]


def animation(format: str) -> bytes:
    """Two frames, black and white."""
    frames = [Image.fromarray(np.full((9, 9, 3), v, np.uint8)) for v in (0, 255)]
    file = io.BytesIO()
    frames[0].save(file, format, save_all=True, append_images=frames[1:])
    return file.getvalue()


BAD = {
    "empty": b"",
    "text": b"no image at all",
    "bmp": encode(rgb(), "BMP"),
    "gif": encode(rgb(), "GIF"),
    "animated gif": animation("GIF"),
    "tiff": encode(rgb(), "TIFF"),
    "half a jpeg": encode(rgb(), "JPEG")[:300],
    "half a png": encode(rgb(), "PNG")[:200],
    "jpeg magic only": b"\xff\xd8\xff",
    "png magic only": b"\x89PNG\r\n\x1a\n",
    "png, header cut": encode(rgb(), "PNG")[:22],
    "png, broken checksum": encode(rgb(), "PNG")[:-20] + b"\0" * 20,
    "png, too little data": png_of_size(20, 20),
    "png, no width": png_of_size(0, 20),
    "png, first chunk not the header": b"\x89PNG\r\n\x1a\n" + chunk(b"tEXt", b"x" * 13),
    "jpeg, no height": jpeg_of_size(30, 0),
}
