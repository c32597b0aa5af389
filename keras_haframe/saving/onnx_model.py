"""A whole ONNX model: the network, the decisions behind it, and texts as metadata."""

from __future__ import annotations

from typing import Any

from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.models import HierarchicalClassifier
from keras_haframe.saving import networks, onnx_outputs, onnx_preparation
from keras_haframe.saving.onnx_nodes import OPSET, Nodes, onnx_type

_MOVED = ("GridSample", "DFT")  # operations that another opset than the network's reads otherwise


def complete(
    network: Any,
    model: HierarchicalClassifier,
    texts: dict[str, str],
    text: bool = True,
    prepare: Preprocessing | None = None,
) -> Any:
    """Put inputs, preparation, decisions and outputs around a network.

    Args:
        network: `onnx.ModelProto` as `networks.as_onnx` returns it.
        model: The model it is of.
        texts: Metadata by key.
        text: Whether to add the outputs that are strings.
        prepare: Preparation of `images` in the graph, with its size; `None` for none.

    Returns:
        `onnx.ModelProto`; with text of opset 20 or newer.
    """
    from onnx import helper, version_converter

    (own,) = [o for o in network.opset_import if o.domain in ("", "ai.onnx")]
    if text and own.version < OPSET:
        if any(node.op_type in _MOVED for node in network.graph.node):
            network = version_converter.convert_version(network, OPSET)
        else:
            own.version = OPSET
    g, tree, graph = Nodes("decide"), model.tree, network.graph
    sizes = {"path": tree.height + 1}
    added = onnx_outputs.add(g, tree, text)
    graph.node.extend(g.nodes)
    graph.initializer.extend(g.constants.values())
    shape = networks.sizes(model.inputs[0].shape)
    images = (graph.input[0].type.tensor_type.elem_type, shape)
    if prepare is not None:
        _prepare(graph, prepare)
        images = (onnx_type("uint8"), ["B", "h", "w", shape[-1]])
    width = model.feature_extractor.output.shape[-1]
    inputs = {
        "images": images,
        "floor": (onnx_type("float32"), ["F"]),
        "allowed": (onnx_type("bool"), ["A", tree.num_classes]),
    }
    outputs = {
        "probabilities": (onnx_type("float32"), ["B", tree.num_classes]),
        "features": (onnx_type("float32"), ["B", width]),
        **{
            name: (onnx_type(dtype), ["B", *(sizes[s] for s in rest)])
            for name, (dtype, rest) in added.items()
        },
    }
    del graph.input[:], graph.output[:], graph.value_info[:], network.metadata_props[:]
    for values, described in ((graph.input, inputs), (graph.output, outputs)):
        values.extend(helper.make_tensor_value_info(n, *d) for n, d in described.items())
    helper.set_model_props(network, texts)
    network.producer_name, network.graph.name = "keras_haframe", model.name
    return network


def _prepare(graph: Any, how: Preprocessing) -> None:
    """Put a preparation before the network."""
    networks.rename(graph, {"images": "prepared"})
    g, rest = Nodes("prepare"), list(graph.node)
    onnx_preparation.add(g, how, "prepared")
    del graph.node[:]
    graph.node.extend([*g.nodes, *rest])
    graph.initializer.extend(g.constants.values())
