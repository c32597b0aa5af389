"""The plan of docs/scale.md on paper: bytes, traffic and speed of a training step, by formula.

python benchmarks/scale_plan.py                                # 3,000,000 leaves, 256 accelerators
python benchmarks/scale_plan.py --leaves 100000 --devices 8 --shards 8

Nothing here is measured. The assumptions are the fields of `Plan`; each can be set.
"""

from __future__ import annotations

import argparse
import dataclasses
import math

FLOAT = 4  # bytes of a float32 or int32


@dataclasses.dataclass(frozen=True)
class Plan:
    """Sizes, and what a device can do (an NVIDIA H100 SXM by its data sheet)."""

    leaves: int = 3_000_000  # K
    nodes: int = 3_300_000  # N: a tenth as many inner nodes as leaves
    features: int = 256  # P
    devices: int = 256  # D
    shards: int = 256  # m, devices that hold one copy of the learnable head
    batch: int = 64  # b, images of a step on one device
    block: int = 65_536  # C, classes at a time where the loss is taken block by block
    backbone: float = 23.5e6  # W, parameters of ResNet-50
    operations: float = 4.1e9  # F, multiplications of one image at 224 px, forward
    peak: float = 989e12  # operations a second, dense bfloat16
    reached: float = 0.1  # part of the peak that a convolutional network reaches: an assumption
    memory: float = 3.35e12  # bytes a second to and from the device's memory
    link: float = 50e9  # bytes a second to other devices, each way (400 Gbit/s)
    image: float = 100e3  # bytes of a JPEG file

    @property
    def global_batch(self) -> int:
        return self.batch * self.devices


# name: formula
FORMULAS = {
    "backbone, with gradient and momentum": "3 * 4 W",
    "head, with gradient and momentum": "3 * 4 P K / m",
    "tree: parents, and signs of the nodes": "4 N + N / 8",
    "logits, their exponentials and gradient": "3 * 4 b K",
    "the same, block by block": "3 * 4 b m min(C, K / m)",
    "moved: gradient of the backbone": "2 (D - 1) / D * 4 W",
    "moved: gradient of the head": "2 (D/m - 1) / (D/m) * 4 P K / m",
    "moved: features to all shards, and back": "2 (m - 1) b * 4 P",
    "moved: maximum and sum of the softmax": "2 (m - 1) / m * 8 b m",
}


def bytes_of(plan: Plan, head: str) -> dict[str, float]:
    """Bytes on a device, and moved in a step by one device in each direction.

    Args:
        plan: Sizes.
        head: `"frame"` (low rank: no parameters; every device has all of it, and its own images),
            or `"dense"` (a learnable `Dense(K)`, its classes split over `m` devices).

    Returns:
        By the names of `FORMULAS`; the head's own are 0 for the frame.
    """
    k, p, b, d = plan.leaves, plan.features, plan.batch, plan.devices
    m = plan.shards if head == "dense" else 1
    copies = d // m
    shard = FLOAT * p * k / m if head == "dense" else 0.0
    values = (
        3 * FLOAT * plan.backbone,
        3 * shard,
        FLOAT * plan.nodes + plan.nodes / 8 if head == "frame" else 0.0,
        3.0 * FLOAT * b * k,  # of B K / m classes and images of the group: the same
        3.0 * FLOAT * b * m * min(plan.block, k / m),
        2 * (d - 1) / d * FLOAT * plan.backbone,
        2 * (copies - 1) / copies * shard,
        2.0 * (m - 1) * b * FLOAT * p,
        2 * (m - 1) / m * 2 * FLOAT * b * m,
    )
    return dict(zip(FORMULAS, values, strict=True))


def seconds_of(plan: Plan, head: str) -> dict[str, float]:
    """Seconds of a step by part: nothing of it is taken to overlap.

    The backbone's `3 * 2 F b` operations at the part of the peak that it reaches. The head's at the
    peak or at the memory's speed, whichever is slower: `3 * 2 P K b` for a dense one, `3 (N log2 P
    + N)` for the frame's transform and sums over paths; six passes over the logits, three over the
    head. What is moved at the link's speed.
    """
    found = bytes_of(plan, head)
    rows = plan.batch * plan.leaves
    if head == "dense":
        operations = 3 * 2.0 * plan.features * rows
    else:
        operations = 3.0 * plan.batch * plan.nodes * (math.log2(plan.features) + 1)
    passes = 6 * FLOAT * rows + found["head, with gradient and momentum"]
    moved = sum(value for name, value in found.items() if name.startswith("moved"))
    return {
        "backbone": 3 * 2 * plan.operations * plan.batch / (plan.peak * plan.reached),
        "head": max(operations / plan.peak, passes / plan.memory),
        "moved": moved / plan.link,
    }


def summary(plan: Plan, head: str) -> dict[str, float]:
    """Totals of a step: bytes on a device (without activations) and moved, seconds, images."""
    found = bytes_of(plan, head)
    step = sum(seconds_of(plan, head).values())
    whole, block = "logits, their exponentials and gradient", "the same, block by block"
    held = sum(v for name, v in found.items() if not name.startswith("moved"))
    images = plan.global_batch / step
    return {
        "on a device, whole logits": held - found[block],
        "on a device, block by block": held - found[whole],
        "moved a step by a device": sum(v for n, v in found.items() if n.startswith("moved")),
        "seconds a step": step,
        "images a second": images,
        "bytes read a second": images * plan.image,
    }


def shown(value: float) -> str:
    """Return a number with three digits and its thousands: `9.22 G`."""
    for size, name in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{name}"
    return f"{value:.3g}"


def table(plan: Plan) -> str:
    """Return the table of docs/scale.md."""
    whole = dataclasses.replace(plan, shards=1)
    columns = [(plan, "frame"), (whole, "dense"), (plan, "dense")]
    names = ["frame, low rank", "Dense(K) on every device", f"Dense(K) over {plan.shards}"]
    lines = [f"| bytes | formula | {' | '.join(names)} |", "|---|---|---|---|---|"]
    for name, formula in FORMULAS.items():
        cells = [shown(bytes_of(p, head)[name]) for p, head in columns]
        lines.append(f"| {name} | `{formula}` | {' | '.join(cells)} |")
    totals = [summary(p, head) for p, head in columns]
    parts = [seconds_of(p, head) for p, head in columns]
    for name in parts[0]:
        lines.append(f"| seconds: {name} | | {' | '.join(f'{p[name]:.4f}' for p in parts)} |")
    for name in totals[0]:
        lines.append(f"| **{name}** | | {' | '.join(shown(t[name]) for t in totals)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for field in dataclasses.fields(Plan):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    plan = Plan(**vars(parser.parse_args()))
    if plan.devices % plan.shards:
        raise SystemExit(f"--shards must divide --devices. Got: {plan.shards}, {plan.devices}")
    print(plan, "\n")
    print(table(plan))


if __name__ == "__main__":
    main()
