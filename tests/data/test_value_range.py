"""What is told apart by the values of images, and what is not."""

import keras
import numpy as np
import pytest

from keras_haframe.data import Preprocessing
from keras_haframe.data.backbone_range import published_scaling
from keras_haframe.data.value_range import ValueRange, disagreement, range_made
from tests.saving import tiny

PIXELS = tiny.images(64)
PIXELS[0, :8] = 0.0  # as photographs have: black and white
PIXELS[0, 8:] = 255.0
IMAGENET = Preprocessing(
    input_range=(0.0, 1.0), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
)
KINDS = {
    "bytes": Preprocessing(),
    "unit": Preprocessing(input_range=(0.0, 1.0)),
    "signed": Preprocessing(input_range=(-1.0, 1.0)),
    "imagenet": IMAGENET,
    "caffe": Preprocessing(mean=(103.939, 116.779, 123.68), bgr=True),
}


def found(images, preparation):
    return disagreement(ValueRange.of(images), range_made(preparation))


@pytest.mark.parametrize("made", KINDS)
@pytest.mark.parametrize("given", KINDS)
def test_every_kind_is_told_from_every_other(given, made):
    result = found(KINDS[given](PIXELS), KINDS[made])
    assert (result is None) == (given == made)
    if result:
        assert result[0] and "black and white become" in result[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("low,high", [(0, 60), (200, 255), (100, 120), (0, 255), (128, 255)])
def test_images_of_little_contrast_may_be_of_their_kind(kind, low, high):
    """At most a doubt: bright images of the range -1 to 1 look like those from 0 to 1."""
    images = (low + PIXELS / 255 * (high - low)).round()
    doubt = found(KINDS[kind](images), KINDS[kind])
    assert not (doubt and doubt[0]) and bool(doubt) == ((kind, low) == ("signed", 128))


@pytest.mark.parametrize("kind", KINDS)
def test_noise_of_an_augmentation_and_one_odd_pixel_are_allowed(kind):
    images = PIXELS + np.random.default_rng(0).normal(0, 25, PIXELS.shape)
    images[0, 0, 0, 0] = 2550.0
    assert found(KINDS[kind](images), KINDS[kind]) is None


def test_one_picture_without_contrast_says_little():
    assert found(np.zeros((4, 8, 8, 3)), KINDS["bytes"]) is None
    assert found(np.full((4, 8, 8, 3), 300.0), KINDS["signed"])[0]
    assert ValueRange.of(np.zeros((0, 8, 8, 3))) is None


def test_nearly_the_ends_of_another_range_are_not_certain():
    nearly = 0.01 + 0.985 * PIXELS / 255
    assert found(nearly, KINDS["signed"]) == (
        False, "values from 0.01 to 0.995; black and white become -1 and 1"
    )  # fmt: skip
    assert found(np.random.default_rng(0).normal(size=(9, 8, 8, 3)), KINDS["bytes"])[0]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="functions are TensorFlow's")
def test_a_function_is_tried_on_black_and_white():
    import tensorflow as tf

    assert range_made(lambda image: 1 - tf.cast(image, tf.float32) / 127.5) == (-1.0, 1.0)
    assert range_made(tf.image.per_image_standardization) is None  # of each image by itself


@pytest.mark.slow
def test_published_scalings_are_those_of_keras():
    apps = keras.applications
    picture = PIXELS[:1]
    for make, module in (
        (apps.MobileNetV2, apps.mobilenet_v2),
        (apps.VGG16, apps.vgg16),
        (apps.DenseNet121, apps.densenet),
        (apps.MobileNetV3Small, apps.mobilenet_v3),
        (apps.ResNet50, apps.resnet),
        (apps.ResNet50V2, apps.resnet_v2),
    ):
        net = make(weights=None, include_top=False, input_shape=(32, 32, 3))
        prepare = Preprocessing.for_backbone(net, size=(16, 16))
        want = module.preprocess_input(picture.copy())
        np.testing.assert_allclose(prepare(picture), want, atol=1e-4, err_msg=net.name)
        assert Preprocessing.for_backbone(net).size == (32, 32)
    net = apps.MobileNetV3Small((32, 32, 3), weights=None, include_preprocessing=False)
    assert published_scaling(net) == {"input_range": (-1.0, 1.0)}


def test_an_unknown_backbone_is_said():
    from keras_haframe.models import resnet50  # torchvision's, by the name of Keras's

    for net in (resnet50((32, 32, 3), (1, 1, 1, 1)), keras.Sequential(name="mine")):
        with pytest.raises(ValueError, match=rf"'{net.name}'.*input_range=\(-1, 1\)"):
            Preprocessing.for_backbone(net)
