"""The plan of docs/scale.md: against counts made another way, published sizes, and the page."""

import dataclasses
import math
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
import scale_plan  # noqa: E402

sys.path.remove(str(ROOT / "benchmarks"))
Plan = scale_plan.Plan

HEAD, MOVED_HEAD = "head, with gradient and momentum", "moved: gradient of the head"
SMALL = Plan(leaves=24, nodes=30, features=4, devices=8, shards=4, batch=2, block=3, backbone=10)


def test_the_page_shows_what_the_command_prints():
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert scale_plan.table(Plan()) in page


def test_a_published_head():
    """867,455 taxa on 768 features take 2.66 GB, as published."""
    plan = Plan(leaves=867_455, features=768, devices=1, shards=1)
    assert scale_plan.bytes_of(plan, "dense")[HEAD] / 3 == pytest.approx(2.66e9, rel=2e-3)


def test_bytes_of_a_ring_by_sending_every_piece():
    """Devices in a ring pass pieces on until all have the sum: what one of them sends."""
    for copies in (1, 2, 5):
        plan = dataclasses.replace(SMALL, devices=4 * copies)
        pieces = [4 * 4 * 24 / 4 / copies] * copies  # of the kernel's share, in bytes
        sent = sum(pieces[i] for _ in range(2) for i in range(copies - 1))
        assert scale_plan.bytes_of(plan, "dense")[MOVED_HEAD] == pytest.approx(sent)


def test_shards_hold_together_what_one_device_holds():
    one = dataclasses.replace(SMALL, shards=1)
    whole, part = (scale_plan.bytes_of(p, "dense") for p in (one, SMALL))
    assert whole[HEAD] == 4 * part[HEAD] == 3 * 4 * 4 * 24
    for name in ("logits, their exponentials and gradient", "the same, block by block"):
        rows = SMALL.batch * SMALL.shards  # a device has all images of its group
        classes = {"logits, their exponentials and gradient": 6, "the same, block by block": 3}
        assert part[name] == 3 * 4 * rows * classes[name]
    assert scale_plan.bytes_of(SMALL, "frame")[HEAD] == 0


def test_more_devices_and_slower_ones():
    """Twice the devices give at most twice the images; a step is the sum of its parts."""
    for head in ("frame", "dense"):
        one, two = (
            scale_plan.summary(Plan(devices=d, shards=8), head)["images a second"] for d in (8, 16)
        )
        assert one < two <= 2 * one
        parts = scale_plan.seconds_of(Plan(), head)
        assert math.isclose(sum(parts.values()), scale_plan.summary(Plan(), head)["seconds a step"])
    half = scale_plan.seconds_of(Plan(reached=0.05), "frame")["backbone"]
    assert half == pytest.approx(2 * scale_plan.seconds_of(Plan(), "frame")["backbone"])


def test_numbers_as_they_are_shown():
    assert [scale_plan.shown(v) for v in (0, 12.3, 9216e6, 4e3, 2.5e12)] == [
        "0", "12.3", "9.22 G", "4 k", "2.5 T",
    ]  # fmt: skip
