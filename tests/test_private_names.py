"""Names of other packages that are private, or that they may take away, and that this one uses.

A new version that lacks one fails here, with the place that needs it, and not deep in a training.
"""

import ast
import pathlib

import keras
import numpy as np
import pytest

import keras_haframe as kh

SOURCE = sorted(pathlib.Path(kh.__file__).parent.rglob("*.py"))

# Private names of Keras: where they are used.
PRIVATE = {
    "_aggregate_additional_loss": "models/classifier.py: losses that layers add",
    "_get_variable_index": "training/optimizer.py: the learning rate of a variable",
}


def names_in(tree: ast.AST) -> tuple[set[str], set[str]]:
    """Private attributes that are read, and private names that are defined."""
    read, defined = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            (read if isinstance(node.ctx, ast.Load) else defined).add(node.attr)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            defined.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.add(node.id)
    return {n for n in read if n.startswith("_") and not n.endswith("__")}, defined


def test_the_list_is_whole():
    """No private name of another package is used that is not listed here."""
    read, defined = set(), set()
    for file in SOURCE:
        found = names_in(ast.parse(file.read_text(encoding="utf-8")))
        read |= found[0]
        defined |= found[1]
    assert read - defined - {"_exit"} == set(PRIVATE)  # os._exit is public
    assert not [file for file in SOURCE if "keras.src" in file.read_text(encoding="utf-8")]


def test_aggregate_additional_loss():
    model = keras.Sequential([keras.Input((2,))])
    total = model._aggregate_additional_loss(keras.ops.convert_to_tensor([1.0, 2.0]))
    assert float(total) == 3.0, PRIVATE["_aggregate_additional_loss"]


def test_get_variable_index():
    variables = [keras.Variable(np.zeros(2)), keras.Variable(np.zeros(3))]
    optimizer = keras.optimizers.SGD()
    optimizer.build(variables)
    found = [optimizer._get_variable_index(v) for v in variables]
    assert found == [0, 1], PRIVATE["_get_variable_index"]


def test_random_states_are_found_by_their_path():
    """training/checkpoints.py keeps them: no weights file does."""
    layer = keras.layers.Dropout(0.5, seed=0)
    layer(np.ones((1, 2), "float32"), training=True)
    assert not layer.weights
    assert ["seed_generator" in v.path for v in layer.variables] == [True]


def test_direction_of_a_metric(tree):
    """metrics/: callbacks that watch a metric read there which way is better."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)])
    scored = [kh.metrics.Top1Accuracy(tree), kh.metrics.MistakeSeverity(tree)]
    model.compile(loss="sparse_categorical_crossentropy", metrics=scored)
    model.fit(np.ones((2, 2)), np.array([0, 1]), verbose=0)
    for name, best in (("val_top1", 2.0), ("val_severity", 1.0)):
        stop = keras.callbacks.EarlyStopping(name, patience=9)
        stop.set_model(model)
        stop.on_train_begin()
        for epoch, value in enumerate((1.5, 1.0, 2.0)):
            stop.on_epoch_end(epoch, {name: value})
        assert stop.best == best


def test_tensorflow():
    tf = pytest.importorskip("tensorflow")
    assert callable(tf.raw_ops.FusedBatchNormV3), "layers/kernels.py"
    assert callable(tf.compat.v1.set_random_seed), "data/batches.py: the order of an epoch"
    assert callable(tf.random.experimental.stateless_fold_in), "data/batches.py"


def test_jax():
    jax = pytest.importorskip("jax")
    from jax.experimental import multihost_utils

    assert hasattr(jax.config, "jax_platforms"), "training/distribution.py"
    assert callable(multihost_utils.broadcast_one_to_all), "training/distribution.py"


def test_tensorboard_and_tfds():
    tfds = pytest.importorskip("tensorflow_datasets")
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    assert callable(EventFileWriter), "collapse/event_files.py, training/tensorboard.py"
    assert callable(tfds.core.tfds_path), "data/tiered_imagenet_h"
