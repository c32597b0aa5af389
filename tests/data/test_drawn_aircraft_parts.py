"""The rasteriser behind the drawn aircraft: shapes, canvas, parts, scenery, dice."""

import dataclasses

import numpy as np
import pytest

from keras_haframe.data.drawn_aircraft import fleet, scenery, shapes
from keras_haframe.data.drawn_aircraft.canvas import NUMBERS_PER_IMAGE, Canvas, Dice
from keras_haframe.data.drawn_aircraft.fleet import Design, stack
from keras_haframe.data.drawn_aircraft.parts import paint_aircraft


class Level:
    """Stands in for `Dice`: the middle of every range, and never by chance."""

    def __init__(self, count, roll=0.0):
        self.count, self.roll = count, roll

    def uniform(self, low, high):
        roll = self.roll if (low, high) == (-0.35, 0.35) else 0.0
        return np.full((self.count, 1), (low + high) / 2 + roll, np.float32)

    def chance(self, probability):
        return np.zeros((self.count, 1), bool)

    def color(self, low, high):
        return np.full((self.count, 3), (low + high) / 2, np.float32)


def level_flight(designs, size=64, roll=0.0):
    """Paints designs nose up, without pitch or shift."""
    canvas = Canvas(stack(designs), Level(len(designs), roll), size)
    paint_aircraft(canvas)
    return canvas


def points(count=4000, reach=4.0):
    return np.random.default_rng(0).uniform(-reach, reach, (2, 1, count))


def distance_to_polygon(x, y, corners):
    """Brute force: distance to the nearest edge, and whether the point lies inside."""
    best = np.full(x.shape, np.inf)
    inside = np.ones(x.shape, bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0)):
        dx, dy = bx - ax, by - ay
        t = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0, 1)
        best = np.minimum(best, np.hypot(x - ax - t * dx, y - ay - t * dy))
        inside &= dx * (y - ay) - dy * (x - ax) >= 0
    return best, inside


# Shapes


def test_lifting_surface_is_the_trapezoid():
    front, half, root, tip, slope = 1.0, 3.0, 2.0, 0.8, 0.5
    x, y = points()
    side = np.abs(y)
    got, share, depth = shapes.lifting_surface(x, side, front, half, root, tip, slope)
    lead_tip = front - half * slope
    # Both halves, counter-clockwise: the center line is no edge.
    corners = [
        *((front, 0.0), (lead_tip, half), (lead_tip - tip, half)),
        *((front - root, 0.0), (lead_tip - tip, -half), (lead_tip, -half)),
    ]
    right = [corners[0], corners[1], corners[2], corners[3]]
    left = [corners[3], corners[4], corners[5], corners[0]]
    inside = distance_to_polygon(x, y, np.array(right))[1]
    inside |= distance_to_polygon(x, y, np.array(left))[1]
    np.testing.assert_array_equal(got < 0, inside)
    outline, _ = distance_to_polygon(x, y, np.array(corners))
    near = (outline < 0.05) & (side > 0.2) & (side < half - 0.2)
    assert near.sum() > 20
    np.testing.assert_allclose(np.abs(got[near]), outline[near], atol=1e-9)
    np.testing.assert_allclose(share, side / half)
    np.testing.assert_allclose(depth[inside] >= 0, True)
    np.testing.assert_allclose(depth[inside] <= 1, True)


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"kink": 1.0}, 0.5),  # a triangle of height half/3 and base 1, on one half of span 3
        ({"strake": 1.0}, 0.5),
        ({"bend": 1.0}, -(1.0 - np.pi / 4) * 1.5),  # the outer half becomes a quarter ellipse
    ],
)
def test_extras_change_the_area_as_they_should(extra, expected):
    axis = np.linspace(-4, 4, 801)
    x, side = (a.reshape(1, -1) for a in np.meshgrid(axis, np.linspace(0, 4, 401)))
    cell = (axis[1] - axis[0]) * 0.01
    plain, _, _ = shapes.lifting_surface(x, side, 1.0, 3.0, 1.0, 1.0, 0.0)
    changed, _, _ = shapes.lifting_surface(x, side, 1.0, 3.0, 1.0, 1.0, 0.0, **extra)
    assert ((changed < 0).sum() - (plain < 0).sum()) * cell == pytest.approx(expected, abs=0.03)


def test_capsule_is_the_distance_to_a_bar():
    x, y = points()
    got = shapes.capsule(x, np.abs(y), 2.0, 3.0, 0.5)
    axis = np.linspace(-0.5, 1.5, 2001)[:, None]  # from end to end, without the round caps
    nearest = np.hypot(x[0] - axis, y[0]).min(axis=0)
    np.testing.assert_allclose(got[0], nearest - 0.5, atol=1e-3)


def test_body_has_its_width_nose_and_tail():
    kwargs = {"length": 10.0, "width": 2.0, "nose": 0.2, "blunt": 1.0, "cone": 0.3}
    across = np.linspace(0, 3, 3001)

    def half_width(station):
        x = np.full((1, across.size), (0.5 - station) * 10.0)
        distance, got, _ = shapes.body(x, across[None], tail_width=0.4, **kwargs)
        np.testing.assert_allclose(got, station)
        return across[(distance[0] < 0)].max(initial=0.0)

    assert half_width(0.5) == pytest.approx(1.0, abs=2e-3)
    assert half_width(0.1) == pytest.approx(np.sqrt(0.75), abs=2e-3)  # an ellipse, half way
    assert half_width(0.9999) == pytest.approx(0.4, abs=5e-3)
    assert half_width(-0.01) == half_width(1.01) == 0.0


def test_a_pointed_nose_is_slimmer_than_a_blunt_one():
    x, y = points(reach=6.0)
    sizes = {"length": 10.0, "width": 2.0, "nose": 0.4, "cone": 0.1, "tail_width": 1.0}
    inside = [
        (shapes.body(x, np.abs(y), blunt=blunt, **sizes)[0] < 0).sum() for blunt in (0.0, 0.5, 1.0)
    ]
    assert inside[0] < inside[1] < inside[2]


# Parts


FULL = Design(  # has every part, so that every parameter can show
    **{"kink": 2, "strake": 2, "tip_round": 0.3, "winglet": 3, "tip_tank": 3, "pods": 2},
    **{"pod_prop": 2, "rear_length": 5, "rear_radius": 1.2, "center_engine": 1, "nose_prop": 3},
    **{"canard_span": 9, "canard_root": 2, "window_pitch": 2, "dome": 2.5, "tail_high": 0.5},
)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Design)])
def test_every_parameter_shows(name):
    base = FULL
    if name == "boom_y":
        changed = dataclasses.replace(base, boom_y=5.0)
    elif name == "fin_y":
        changed = dataclasses.replace(base, fin_y=4.0)
    elif name == "wing_z":
        changed = dataclasses.replace(base, wing_z=1.0)
    elif name == "center_engine":
        changed = dataclasses.replace(base, center_engine=0.0)
    else:
        changed = dataclasses.replace(base, **{name: 0.6 * getattr(base, name)})
    canvas = level_flight([base, changed], size=96)
    assert np.abs(canvas.rgb[0] - canvas.rgb[1]).max() > 0.02


@pytest.mark.parametrize(
    ("part", "size"),
    [
        *[("winglet", 3), ("tip_tank", 5), ("tail_span", 13), ("fin", 6), ("canard_span", 12)],
        *[("pods", 1), ("pods", 2), ("rear_length", 5), ("nose_prop", 4), ("boom_y", 5)],
        *[("dome", 4)],
    ],
)
def test_parts_add_to_the_outline(part, size):
    common = {"tail_span": 0, "fin": 0, "rear_radius": 1.2, "canard_root": 2, "length": 48}
    designs = [Design(**common | {part: 0}), Design(**common | {part: size})]
    # The fuselage is longest, so the scale is the same; the roll shows the fin.
    canvas = level_flight(designs, roll=0.3)
    gain = canvas.alpha[1] - canvas.alpha[0]
    assert gain.min() > -1e-5
    assert gain.sum() > 1.0


def test_outline_is_symmetric_in_level_flight():
    designs = [dataclasses.replace(design, fin=0.0) for design in fleet.designs()]
    alpha = level_flight(designs).alpha.reshape(-1, 64, 64)
    np.testing.assert_allclose(alpha, alpha[:, :, ::-1], atol=2e-4)


def test_the_nose_points_up():
    arrow = fleet.designs()[fleet.class_names().index("Arrowin A")]
    alpha = level_flight([arrow]).alpha.reshape(64, 64)
    rows = np.flatnonzero(alpha.sum(axis=1) > 0.5)
    width = alpha.sum(axis=1)
    assert width[rows[:8]].mean() < 0.5 * width[rows[-20:]].mean()


def test_coverage_is_antialiased_and_independent_of_size():
    small = level_flight(fleet.designs(), size=48).alpha
    large = level_flight(fleet.designs(), size=144).alpha
    assert small.min() >= 0 and small.max() <= 1 + 1e-6
    soft = (small > 0.05) & (small < 0.95)
    assert soft.sum(axis=1).min() > 20
    # Thin parts lose a little at low resolution.
    np.testing.assert_allclose(small.mean(axis=1), large.mean(axis=1), rtol=0.06)


def test_every_class_is_drawn_and_fits():
    alpha = level_flight(fleet.designs()).alpha.reshape(-1, 64, 64)
    share = alpha.mean(axis=(1, 2))
    assert share.min() > 0.05 and share.max() < 0.4
    frame = np.concatenate([alpha[:, 0], alpha[:, -1], alpha[:, :, 0], alpha[:, :, -1]])
    assert frame.max() == 0


def test_outlines_are_alike_as_the_tree_says():
    alpha = level_flight(fleet.designs()).alpha
    shared = np.minimum(alpha[:, None], alpha[None]).sum(axis=-1)
    gap = 1 - shared / np.maximum(alpha[:, None], alpha[None]).sum(axis=-1)
    line = fleet.lineage()
    height = np.array(
        [[3 - (a[0] == b[0]) - (a[1] == b[1]) - (a[2] == b[2]) for b in line] for a in line]
    )
    means = [gap[height == h].mean() for h in range(4)]
    assert means[0] == pytest.approx(0.0, abs=1e-6)
    assert means[1] + 0.1 < means[2] and means[2] + 0.1 < means[3]
    # Siblings differ by something one can see.
    rgb = level_flight(fleet.designs()).rgb.reshape(len(line), -1)
    for i, j in zip(*np.nonzero(height == 1)):
        assert np.abs(rgb[i] - rgb[j]).sum() > 10


def test_livery_and_pose_do_not_depend_on_the_class():
    designs = fleet.designs()
    count = len(designs)
    one = Canvas(stack([designs[0]] * count), Dice(3, 0, count), 32)
    other = Canvas(stack(designs), Dice(3, 0, count), 32)
    livery = ("base", "accent", "wing", "engine", "tips", "has_stripe", "has_band", "tail_from")
    for name in (*livery, "light", "sin_roll", "sin_pitch"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert len(np.unique(one.accent, axis=0)) == count


def test_selection_and_painting_leave_other_images_alone():
    canvas = Canvas(stack([Design(), Design(winglet=2), Design()]), Level(3), 32)
    part = canvas.having(canvas.design["winglet"] > 0, canvas.design["span"] > 1)
    assert part.rows.tolist() == [1] and len(part) == 1
    assert part["winglet"].tolist() == [[2.0]]
    red = np.array([1.0, 0.0, 0.0], np.float32)
    canvas.paint(part.rows, np.full((1, 32 * 32), -9.0), red, tone=0.5, opacity=0.8, rim=0.0)
    assert canvas.alpha[[0, 2]].max() == 0 and canvas.rgb[[0, 2]].max() == 0
    np.testing.assert_allclose(canvas.alpha[1], 0.8, rtol=1e-6)
    np.testing.assert_allclose(canvas.rgb[1, 0], 0.4, rtol=1e-6)
    canvas.paint(part.rows, np.full((1, 32 * 32), -9.0), red, opacity=0.5, rim=0.0)
    np.testing.assert_allclose(canvas.alpha[1], 0.9, rtol=1e-6)
    np.testing.assert_allclose(canvas.rgb[1, 0], 0.4 * 0.5 + 0.5, rtol=1e-6)


def test_roll_narrows_the_wing():
    rolled = level_flight([Design()], size=96, roll=0.35)
    flat = level_flight([Design()], size=96)

    def width(alpha):
        return (alpha.reshape(96, 96).max(axis=0) > 0.5).sum()

    assert width(rolled.alpha) == pytest.approx(np.cos(0.35) * width(flat.alpha), abs=3)


# Scenery and dice


def test_backgrounds_are_pictures_of_five_kinds():
    picture, shadow = scenery.background(Dice(0, 0, 60), 32)
    assert picture.shape == (60, 3, 32 * 32) and shadow.shape == (60, 1)
    assert np.isfinite(picture).all()
    assert picture.min() > -0.3 and picture.max() < 1.6
    assert {round(float(s), 2) for s in shadow.ravel()} == {0.0, 0.25, 0.4, 0.45, 0.5}
    assert picture.std(axis=(1, 2)).min() > 0.01


def test_smooth_noise_is_smooth_and_bounded():
    noise = scenery.smooth_noise(Dice(0, 0, 8), 64)
    assert noise.shape == (8, 64, 64)
    assert noise.min() >= 0 and noise.max() <= 1
    assert np.abs(np.diff(noise, axis=1)).max() < 0.25
    assert noise.std() > 0.08


def test_dice_belong_to_the_image_and_not_to_the_batch():
    together, alone = Dice(5, 0, 4), Dice(5, 2, 1)
    for low, high in ((0, 1), (-2, 3)):
        a, b = together.uniform(low, high), alone.uniform(low, high)
        assert a.shape == (4, 1) and a.dtype == np.float64
        assert low <= a.min() and a.max() <= high
        np.testing.assert_array_equal(a[2], b[0])
    np.testing.assert_array_equal(together.chance(0.5)[2], alone.chance(0.5)[0])
    np.testing.assert_array_equal(together.color(0, 1)[2], alone.color(0, 1)[0])
    np.testing.assert_array_equal(together.grid(6)[2], alone.grid(6)[0])
    np.testing.assert_array_equal(together.normal(1, 5)[2], alone.normal(1, 5)[0])


def test_dice_say_when_the_numbers_are_used_up():
    dice = Dice(0, 0, 1)
    for _ in range(NUMBERS_PER_IMAGE):
        dice.uniform(0, 1)
    with pytest.raises(RuntimeError, match="NUMBERS_PER_IMAGE"):
        dice.uniform(0, 1)


def test_dice_chance_has_its_probability():
    dice = Dice(1, 0, 2000)
    assert dice.chance(0.3).mean() == pytest.approx(0.3, abs=0.05)
    assert not dice.chance(0.0).any()
