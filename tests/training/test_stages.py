"""Training in stages: one run, whatever is trainable, however often it is stopped."""

import shutil

import keras
import numpy as np
import pytest

from keras_haframe.data import ArrayBatches
from keras_haframe.training import (
    fine_tuning_adamw,
    freeze,
    load_trained,
    run,
    snapshots,
    unfreeze,
)
from keras_haframe.training.optimizer import papers_sgd
from keras_haframe.training.stages import checked_stages
from tests.training.small_run import data, make_model

EPOCHS = 3


def never(model):
    raise AssertionError("this stage is after the last epoch")


STAGES = {1: unfreeze(0.01, backbone=0.5), EPOCHS: never, 9: never}


def frozen():
    model = make_model()
    freeze(model)
    model.compile(papers_sgd(model, 0.05))
    return model


def train(folder, stages=STAGES, **options):
    images, labels = data()
    batches = ArrayBatches(images[:64], labels[:64], 16)
    return run(
        frozen, batches.from_epoch, (images[80:], labels[80:]), EPOCHS, folder,
        validation=(images[64:80], labels[64:80]), stages=stages, verbose=0, **options,
    )  # fmt: skip


def backbone_of(model):
    return {v.path: keras.ops.convert_to_numpy(v) for v in model.backbone.weights}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Folder, result and backbones before every epoch."""
    folder, seen = tmp_path_factory.mktemp("stages"), []

    class Look(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.append(backbone_of(self.model))

    return folder, train(folder, callbacks=lambda: [Look()]), seen


@pytest.mark.slow
def test_the_backbone_is_frozen_and_then_trained_but_for_its_statistics(undisturbed):
    _, _, seen = undisturbed
    assert len(seen) == EPOCHS
    for name, value in seen[0].items():
        np.testing.assert_array_equal(seen[1][name], value)
        moved = not np.array_equal(seen[2][name], value)
        assert moved == ("conv2d" in name), name  # the normalization keeps what it has


def test_one_history_and_one_best_epoch(undisturbed):
    folder, result, _ = undisturbed
    rows = (folder / "history.csv").read_text().splitlines()
    assert len(rows) == EPOCHS + 1 and 1 <= result["best_epoch"] <= EPOCHS
    assert [line.split(",")[0] for line in rows[1:]] == ["0", "1", "2"]


@pytest.mark.slow
def test_stopped_after_every_epoch(undisturbed, tmp_path):
    """Also at the end of a stage, with the optimizer of the stage that was stopped."""
    folder, result, _ = undisturbed
    times = 1
    while (found := train(tmp_path, max_minutes=1e-9)) is None:
        times += 1
    assert times == EPOCHS
    minutes = {"train_minutes", "method"}
    assert {k: found[k] for k in found.keys() - minutes} == {
        k: result[k] for k in result.keys() - minutes
    }
    assert (tmp_path / "history.csv").read_text() == (folder / "history.csv").read_text()
    with np.load(tmp_path / "scores.npz") as a, np.load(folder / "scores.npz") as b:
        np.testing.assert_array_equal(a["scores"], b["scores"])


def test_the_best_epoch_may_be_of_the_first_stage(undisturbed, tmp_path):
    """Its file has the optimizer of that stage."""
    shutil.copytree(undisturbed[0], tmp_path / "run")
    first = frozen()
    first.optimizer.build(first.trainable_variables)
    best = snapshots.file_name(undisturbed[1]["best_epoch"])
    path = tmp_path / "run" / "checkpoints" / best
    snapshots.write(path, snapshots.read(path)[0], snapshots.take(first))
    model = load_trained(frozen, tmp_path / "run", STAGES)
    for a, b in zip(backbone_of(first).values(), backbone_of(model).values(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.backbone.trainable


@pytest.mark.parametrize("stages", [{0: print}, {True: print}, {1.5: print}, {2: "unfreeze"}])
def test_stages_are_functions_by_later_epochs(stages):
    with pytest.raises(ValueError, match="`stages` must be"):
        checked_stages(stages)


def test_the_head_learns_fast_and_the_backbone_slowly():
    model = make_model()
    optimizer = fine_tuning_adamw(model, backbone=0.01)
    backbone = {id(v) for v in model.backbone.variables}
    for variable in model.trainable_variables:
        slow = id(variable) in backbone
        assert optimizer.multiplier(variable) == (0.01 if slow else 1.0), variable.path
