"""Which form of the frame, which network before it and how wide: the rule behind `"auto"`."""

from __future__ import annotations

KINDS = ("dense", "structured", "low_rank", "best_rank")
FRAMES = ("auto", *KINDS)
NARROW = ("low_rank", "best_rank")  # which take features of fewer dimensions than classes

# Up to here (iNaturalist 2019, the largest tree of the papers) networks are those of the papers.
DENSE_CLASSES = 1_010
# Widest bottleneck of "auto": with 512 on 2,048 channels and 10,000 classes a training step took
# longer than that of the linear classifier (benchmarks/scale.py --only-anchors).
WIDEST = 256
HIDDEN_UNITS = 600  # of the papers' type I network


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


def network_type(num_classes: int, bottleneck: int | str | None) -> str:
    """Type of the network where none is named, for every method.

    `"I"` up to 1,010 classes: type II squeezes features to K dimensions, which cost top-1 in trials
    on frozen features (benchmarks/defaults.py --tune). `"II"` beyond, and where a bottleneck is
    asked for, which only type II has.

    Example:

    >>> network_type(100, "auto"), network_type(10_000, "auto"), network_type(100, 32)
    ('I', 'II', 'II')
    """
    asked = bottleneck is not None and bottleneck != "auto"
    return "II" if num_classes > DENSE_CLASSES or asked else "I"


def hidden_width(units: int | None) -> int:
    """Width of a type I network under `hidden_units="auto"`: 600, or what the head needs.

    Args:
        units: Width that the head needs, `None` where it takes any.

    Example:

    >>> hidden_width(None), hidden_width(1_000)
    (600, 1000)
    """
    return max(HIDDEN_UNITS, units or 0)


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
