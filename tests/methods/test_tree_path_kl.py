import pytest
from keras import ops

import keras_haframe as kh
from tests.methods.contract import MethodContract, check_linear_scores
from tests.networks import backbone, data, train


class TestTreePathKL(MethodContract):
    method = "tree_path_kl"


@pytest.mark.slow
class TestTypeTwo(MethodContract):
    method = "tree_path_kl"
    options = {"weight": 2.0}
    network = {"network": "II"}


def test_one_head_per_level(uneven_tree):
    model = kh.build(backbone(), uneven_tree, "tree_path_kl", hidden_units=24)
    sizes = (uneven_tree.level_labels().max(axis=0) + 1).tolist()[::-1]
    names = [f"logits_{level}" for level in range(1, uneven_tree.height)] + ["logits"]
    assert {n: model.output[n].shape[-1] for n in names} == dict(zip(names, sizes))
    flat = kh.ClassTree([("root", c) for c in "abc"])
    assert set(kh.build(backbone(), flat, "tree_path_kl").output) == {"logits"}


@pytest.mark.slow
def test_every_level_is_learnt(tree):
    model = kh.build(backbone(), tree, "tree_path_kl", hidden_units=24)
    images, labels = data(tree, 8)
    model.optimizer.learning_rate = 0.05
    train(model, images, labels, 25)
    outputs = model(images, training=False)
    coarse = ops.convert_to_numpy(outputs["logits_1"]).argmax(axis=1)
    assert (coarse == labels // 2).mean() > 0.9


def test_scores_are_those_of_the_finest_head(tree):
    check_linear_scores(kh.build(backbone(), tree, "tree_path_kl", hidden_units=24), tree)


def test_errors(tree):
    with pytest.raises(ValueError, match="weight"):
        kh.methods.get("tree_path_kl", tree, weight=-1)
