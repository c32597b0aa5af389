"""Parts of the ONNX graph without a network: decisions on any tree, preparation of any picture."""

import functools

import keras
import numpy as np
import pytest

from keras_haframe.data import Preprocessing
from keras_haframe.decisions import decide
from keras_haframe.decisions.conditional_risk import conditional_risk
from keras_haframe.saving import host_images, onnx_outputs, onnx_preparation, resizing
from keras_haframe.saving.onnx_nodes import Nodes, onnx_type
from tests.trees import random_tree

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
HOW = [
    {"resize": "stretch"},
    {"resize": "crop", "crop_fraction": 0.875},
    {"resize": "pad"},
]
KERNELS = [{}, {"antialias": True}, {"interpolation": "nearest"}]
SIZES = [(12, 10), (7, 9), (33, 47), (300, 211), (40, 100), (24, 20), (1, 5)]


def session(nodes: Nodes, inputs: dict, outputs: dict):
    """A session of nodes; inputs and outputs are types and shapes by name."""
    described = [
        [onnx.helper.make_tensor_value_info(k, onnx_type(t), shape) for k, (t, shape) in d.items()]
        for d in (inputs, outputs)
    ]
    graph = onnx.helper.make_graph(nodes.nodes, "g", *described, list(nodes.constants.values()))
    made = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9
    )
    onnx.checker.check_model(made, full_check=True)
    return onnxruntime.InferenceSession(made.SerializeToString())


def decisions_of(tree):
    """Function from probabilities, floor and allowed to the outputs by name."""
    nodes = Nodes("decide")
    outputs = onnx_outputs.add(nodes, tree, True)
    k, sizes = tree.num_classes, {"path": tree.height + 1}
    inputs = {
        "probabilities": ("float32", ["B", k]),
        "floor": ("float32", ["F"]),
        "allowed": ("bool", ["A", k]),
    }
    described = {n: (t, ["B", *(sizes[s] for s in rest)]) for n, (t, rest) in outputs.items()}
    run = session(nodes, inputs, described)
    return lambda *given: dict(
        zip(described, run.run(list(described), dict(zip(inputs, given))), strict=True)
    )


@pytest.mark.parametrize("seed", range(4))
def test_decisions_on_random_trees(seed):
    """Word for word those of `decide`, in each of its steps, for one floor and for many."""
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, int(rng.integers(4, 40)))
    p = rng.dirichlet(np.full(tree.num_classes, 0.3), 200).astype(np.float32)
    run, seen = decisions_of(tree), set()
    for floors in (rng.uniform(0, 1, 200).astype(np.float32), np.array([0.6], np.float32)):
        for allowed in (
            np.ones((1, tree.num_classes), bool),
            rng.uniform(size=(200, tree.num_classes)) > 0.7,
            np.arange(tree.num_classes)[None, :] == 1,
        ):
            found = run(p, floors, allowed)
            expected = decide(p, tree, floor=floors if len(floors) > 1 else 0.6, allowed=allowed)
            assert found["node_id"].tolist() == expected.node.tolist()
            assert found["reason"].tolist() == expected.reason
            assert found["node_name"].tolist() == expected.name
            assert found["class_id"].tolist() == expected.best.tolist()
            np.testing.assert_allclose(
                found["node_probability"], expected.probability, rtol=0, atol=1e-6
            )
            seen |= set(found["reason_code"].tolist())
    assert seen == set(range(7))
    risk = keras.ops.convert_to_numpy(conditional_risk(p, tree))
    assert found["decision_id"].tolist() == risk.argmax(1).tolist()
    np.testing.assert_allclose(found["decision_distance"], -risk.max(1), rtol=0, atol=1e-5)


def test_odd_numbers_are_shown_and_stop_nothing(tree):
    """NaN from a broken image stays in its row; floors above 1, as a calibration gives them."""
    p = np.array([[np.nan] * 4, [0.125, 0.625, 0.125, 0.125], [0.5, 0.5, 0, 0]], np.float32)
    found = decisions_of(tree)(p, np.array([0.5, np.inf, 1.5], np.float32), np.ones((1, 4), bool))
    assert np.isnan(found["score"][0]) and found["node_id"][1:].tolist() == [6, 6]
    assert found["reason"].tolist() == [
        "root: best class nan < 0.50",
        "root: best class 0.62 < inf",
        "root: best class 0.50 < 1.50",
    ]


@functools.cache
def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*size, 3)).astype(np.uint8) for size in SIZES]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("how", HOW, ids=lambda how: how["resize"])
def test_preparation(how, kernel):
    """In the graph and in NumPy as in TensorFlow; a picture of the right size is untouched."""
    tf = pytest.importorskip("tensorflow")
    given = Preprocessing(
        (12, 10), **how, **kernel, input_range=(-1, 1), mean=(0.1, 0.2, 0.3), std=(1, 2, 0.5),
        bgr=True,
    )  # fmt: skip
    nodes = Nodes("prepare")
    onnx_preparation.add(nodes, given, "out")
    inputs = {"images": ("uint8", ["B", "h", "w", 3])}
    run = session(nodes, inputs, {"out": ("float32", ["B", 12, 10, 3])})
    for picture in pictures():
        expected = given(tf.constant(picture)).numpy()
        in_numpy = host_images.prepare(picture, given.get_config())
        (in_graph,) = run.run(None, {"images": np.stack([picture] * 2)})
        np.testing.assert_allclose(in_numpy, expected, rtol=0, atol=1e-5)
        np.testing.assert_allclose(in_graph[1], expected, rtol=0, atol=1e-5)
    if how["resize"] != "crop":
        same = resizing.resized(given, pictures()[0])
        np.testing.assert_array_equal(same, pictures()[0])


def test_other_interpolations_are_refused():
    how = Preprocessing((4, 4), interpolation="bicubic")
    with pytest.raises(ValueError, match="bilinear.*without TensorFlow.*bicubic"):
        onnx_preparation.add(Nodes("prepare"), how, "out")


def test_long_pictures_keep_a_pixel():
    how = Preprocessing((8, 8), "pad")
    found = resizing.resized(how, np.full((400, 2, 3), 200, np.uint8))
    assert found.shape == (8, 8, 3) and found.max() == 200
