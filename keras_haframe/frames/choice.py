"""Which form of the frame, and how wide a network before it: the rule behind `"auto"`."""

from __future__ import annotations

KINDS = ("dense", "structured", "low_rank", "best_rank")
FRAMES = ("auto", *KINDS)
NARROW = ("low_rank", "best_rank")  # which take features of fewer dimensions than classes

# Up to here (iNaturalist 2019, the largest tree of the papers) networks are those of the papers.
DENSE_CLASSES = 1_010
# Widest bottleneck of "auto": with 512 on 2,048 channels and 10,000 classes a training step took
# longer than that of the linear classifier (benchmarks/scale.py --only-anchors).
WIDEST = 256


def frame_kind(frame: str, num_classes: int) -> str:
    """Form of the frame of so many classes.

    `"auto"` is dense up to 1,010 classes and structured beyond, where no array of K x K numbers is
    made. It is never low-rank: a head without a parameter learns more slowly (docs/results.md).

    Example:

    >>> [frame_kind("auto", classes) for classes in (100, 10_000)]
    ['dense', 'structured']
    """
    if frame != "auto":
        return frame
    return "dense" if num_classes <= DENSE_CLASSES else "structured"


def bottleneck_width(channels: int, num_classes: int, units: int | None) -> int | None:
    """Width of a type II network under `bottleneck="auto"`; `None` for no bottleneck.

    The largest power of two, at most 256 and the backbone's channels (half of them where a layer to
    `units` features follows), with which everything behind the backbone has no more parameters than
    a linear classifier with bias on its features.

    Args:
        channels: Width C of the backbone's features.
        num_classes: K.
        units: Width that the head needs, `None` where it takes any.

    Example:

    >>> bottleneck_width(256, 10_000, 10_000), bottleneck_width(2048, 10_000, None)
    (128, 256)
    >>> bottleneck_width(2048, 1_010, 1_010) is None
    True
    """
    if num_classes <= DENSE_CLASSES:
        return None
    most = int(channels) if units is None else int(channels) // 2
    width = min(2 ** (max(most, 2).bit_length() - 1), WIDEST)
    while width > 2 and neck_parameters(channels, width, units) > (channels + 1) * num_classes:
        width //= 2
    return width


def neck_parameters(channels: int, width: int, units: int | None) -> int:
    """Parameters of a bottleneck neck: reduction, transformation block, linear layer to `units`."""
    block = 4 * width**2 + 24 * width  # two residual blocks, five normalizations, four PReLUs
    return channels * width + block + (0 if units is None else width * units)
