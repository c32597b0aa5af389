"""Of several processes each gets its part of every recipe's batches; nothing is trained here."""

import re

import keras
import numpy as np
import pytest

from keras_haframe.data import shares
from keras_haframe.training import Experiment
from tests.recipes import call

pytest.importorskip("tensorflow", reason="recipes read their data with TensorFlow Datasets")
if keras.backend.backend() != "tensorflow":
    pytest.skip("the input pipelines are TensorFlow's", allow_module_level=True)

# Recipe: where it hands over its data, by what name, and further words.
RECIPES = {
    "cifar100": ("cifar100", "run_seeds", ()),
    "longtail_cifar": ("longtail_cifar", "run_seeds", ()),
    "aircraft": ("photographs", "run_seeds", ("--data-dir", "DRAWN")),
    "inaturalist2019": ("photographs", "run_seeds", ("--data-dir", "DRAWN")),
    "tiered_imagenet": ("photographs", "run_seeds", ("--data-dir", "DRAWN")),
    "mae_pretrain": ("mae_pretrain", "pretrain", ()),
    "mae_finetune": ("mae_finetune", "run_seeds", ()),
    "compare": ("compare", "compare", ("--methods", "HAFrame")),
    "neural_collapse": ("neural_collapse", "compare", ()),
}
# grocery.py and cifar100_features.py need data sets and weights; they read `ArrayBatches` alone.


class HandedOver(Exception):
    """The data of a recipe, on their way to the runner."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == "cifar100" else [pytest.mark.slow])
        for name in RECIPES
    ],
)
def test_two_parts_are_the_batch(name, tmp_path, monkeypatch, request):
    where, function, words = RECIPES[name]
    if "DRAWN" in words:
        words = ("--data-dir", request.getfixturevalue("drawn_data"))

    def take(*given, **_):
        experiment = next((g for g in given if isinstance(g, Experiment)), None)
        raise HandedOver(experiment.make_train(0) if experiment else given[1])

    monkeypatch.setattr(call.module(where), function, take)

    def first(index, count):
        monkeypatch.setattr(shares, "process", lambda: (index, count))
        with pytest.raises(HandedOver) as handed:
            call.recipe(name, "--smoke", "--output", tmp_path, *words)
        data = handed.value.args[0](0)
        return data[0] if isinstance(data, keras.utils.PyDataset) else next(iter(data))

    whole, one, other = first(0, 1), first(0, 2), first(1, 2)
    assert len(whole) == len(one) >= 2
    for all_of_it, *parts in zip(whole, one, other, strict=True):
        assert len(parts[0]) == len(parts[1]) > 0
        np.testing.assert_array_equal(np.concatenate(parts), np.asarray(all_of_it))


def test_no_recipe_says_another_share():
    """All others, too, leave it to the data, whose default is right."""
    recipes = list((call.ROOT / "recipes").glob("*.py"))
    assert len(recipes) > 10
    other = re.compile(r"\bshare=|process\(\)")
    assert not [path.name for path in recipes if other.search(path.read_text(encoding="utf-8"))]
