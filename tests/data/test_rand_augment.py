"""RandAugment's operations against Pillow's."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

tf = pytest.importorskip("tensorflow")

from keras_haframe.data.rand_augment import NUMBERS, OPERATIONS, rand_augment  # noqa: E402

IMAGE = np.random.default_rng(0).integers(30, 220, (24, 36, 3)).astype("uint8")
SMOOTH = np.asarray(Image.fromarray(IMAGE[:6, :9]).resize((36, 24), Image.Resampling.BICUBIC))


def by_pillow(name: str, level: float, image: np.ndarray) -> np.ndarray:
    """The same operation by Pillow, with a positive sign."""
    picture, factor = Image.fromarray(image), 1 + 0.9 * level
    height, width = image.shape[:2]

    def affine(*numbers):
        return picture.transform(
            picture.size, Image.Transform.AFFINE, numbers, Image.Resampling.BILINEAR
        )

    enhancers = {
        "color": ImageEnhance.Color,
        "contrast": ImageEnhance.Contrast,
        "brightness": ImageEnhance.Brightness,
        "sharpness": ImageEnhance.Sharpness,
    }
    if name in enhancers:
        return np.asarray(enhancers[name](picture).enhance(factor))
    if name == "solarize_add":
        table = [min(255, i + int(110 * level)) if i < 128 else i for i in range(256)]
        return np.asarray(picture.point(table * 3))
    made = {
        "autocontrast": lambda: ImageOps.autocontrast(picture),
        "equalize": lambda: ImageOps.equalize(picture),
        "invert": lambda: ImageOps.invert(picture),
        "posterize": lambda: ImageOps.posterize(picture, 4 - int(4 * level)),
        "solarize": lambda: ImageOps.solarize(picture, 256 - int(256 * level)),
        "rotate": lambda: picture.rotate(30 * level, Image.Resampling.BILINEAR),
        "shear_x": lambda: affine(1, 0.3 * level, 0, 0, 1, 0),
        "shear_y": lambda: affine(1, 0, 0, 0.3 * level, 1, 0),
        "translate_x": lambda: affine(1, 0, 0.45 * level * width, 0, 1, 0),
        "translate_y": lambda: affine(1, 0, 0, 0, 1, 0.45 * level * height),
    }
    return np.asarray(made[name]())


def numbers_for(name: str, sign: float = 0.9) -> list[float]:
    """Numbers that draw this operation at the mean strength."""
    return [(list(OPERATIONS).index(name) + 0.5) / len(OPERATIONS), 0.0, 0.0, 0.0, sign]


@pytest.mark.parametrize("strength", [3.0, 9.0])
@pytest.mark.parametrize("name", list(OPERATIONS))
def test_as_pillow(name, strength):
    moved = name in ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
    image = SMOOTH if moved else IMAGE
    ours = rand_augment(image, numbers_for(name), strength).numpy()
    theirs = by_pillow(name, strength / 10, image).astype("float32")
    if moved:  # what is uncovered is the mean here and black there; half a pixel at the border
        seen = by_pillow(name, strength / 10, np.full_like(image, 255)).astype("float32") == 255
        seen &= np.roll(seen, 1, 0) & np.roll(seen, -1, 0) & np.roll(seen, 1, 1)
        seen &= np.roll(seen, -1, 1)
        seen[[0, -1]] = seen[:, [0, -1]] = False
        assert seen.mean() > 0.25
        uncovered = np.abs(ours - image.mean((0, 1))).max(-1) < 0.01
        assert uncovered.any() or name == "rotate" or strength < 9
        ours, theirs = ours[seen], theirs[seen]
    assert np.abs(ours - theirs).max() <= (2.1 if name in ("color", "sharpness") else 1.01)
    assert not np.array_equal(ours, image.astype("float32")[seen] if moved else image)


def test_signs_are_opposite_and_half_of_the_draws_leave_the_image():
    brighter = rand_augment(IMAGE, numbers_for("brightness", 0.9)).numpy()
    darker = rand_augment(IMAGE, numbers_for("brightness", 0.1)).numpy()
    assert darker.mean() < IMAGE.mean() < brighter.mean()
    which, _, *rest = numbers_for("invert")
    kept = rand_augment(IMAGE, [which, 0.5, *rest]).numpy()
    np.testing.assert_array_equal(kept, IMAGE)


def test_the_strength_is_normal_and_cut_off():
    generator = np.random.default_rng(1)
    black = tf.zeros((2, 2, 3))
    levels = []
    for radius, angle in generator.random((200, 2)):
        which, whether, _, _, sign = numbers_for("solarize_add")
        level = rand_augment(black, [which, whether, radius, angle, sign], 5.0, 1.0)
        levels.append(float(level[0, 0, 0]) / 110 * 10)
    assert abs(np.mean(levels) - 5) < 0.25 and abs(np.std(levels) - 1) < 0.2
    assert float(rand_augment(black, numbers_for("solarize_add"), 99.0)[0, 0, 0]) == 110


@pytest.mark.slow
def test_in_a_pipeline_of_images_of_unknown_size():
    images = tf.data.Dataset.from_generator(
        lambda: (IMAGE[: 8 + i] for i in range(4)),
        output_signature=tf.TensorSpec((None, None, 3), tf.uint8),
    )
    seeds = tf.data.Dataset.range(4)

    def change(image, seed):
        return rand_augment(image, tf.random.stateless_uniform([2 * NUMBERS], [0, seed]))

    twice = [[x.numpy() for x in tf.data.Dataset.zip(images, seeds).map(change)] for _ in range(2)]
    for i, (one, other) in enumerate(zip(*twice, strict=True)):
        np.testing.assert_array_equal(one, other)
        assert one.shape == (8 + i, 36, 3) and one.min() >= 0 and one.max() <= 255.001
