"""What makes a data set one of the package: a folder with a builder and a preprocessing."""

import importlib
import pathlib

import pytest

import keras_haframe.data
from keras_haframe.data import Preprocessing

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("tensorflow")
from keras_haframe.data import builders  # noqa: E402


@pytest.mark.parametrize("name", builders.names())
def test_tfds_knows_every_data_set(name):
    module = importlib.import_module(f"keras_haframe.data.{name}.{name}_dataset_builder")
    assert tfds.builder_cls(name) is module.Builder
    assert issubclass(module.Builder, keras_haframe.data.image_builder.ImageBuilder)


def test_every_folder_of_the_room_is_a_data_set():
    room = pathlib.Path(keras_haframe.data.__path__[0])
    folders = {p.name for p in room.iterdir() if (p / "__init__.py").exists()}
    assert folders == set(builders.names()) and len(folders) >= 5


@pytest.mark.parametrize("name", sorted(set(builders.names()) - {"image_tree"}))  # any images
def test_the_preprocessing_stands_beside_it(name):
    room = importlib.import_module(f"keras_haframe.data.{name}")
    assert isinstance(room.PREPROCESSING, Preprocessing)
    assert room.PREPROCESSING.augmentation.change != "none"
