"""The network as an ONNX graph from images to probabilities, by the backend's own exporter."""

from __future__ import annotations

import pathlib
import tempfile
import warnings
from typing import Any

import keras

from keras_haframe.layers.fixed_classifier import inverse_norm
from keras_haframe.methods import Method
from keras_haframe.models import HierarchicalClassifier
from keras_haframe.saving.onnx_nodes import OPSET
from keras_haframe.tree_ops.values import Tensor

OUTPUTS = ("probabilities", "features")
NEEDS = {
    "tensorflow": ("onnx", "tf2onnx"),
    "jax": ("onnx", "jax2onnx"),
    "torch": ("onnx", "onnxscript"),
}
_OLDER = 18  # the newest that tf2onnx writes


def served_network(model: HierarchicalClassifier) -> keras.Model:
    """Return a model from `images` to class probabilities `[B, K]` and unit features `[B, P]`."""
    image = model.inputs[0]
    both = keras.Model(model.inputs, [model.output, model.feature_extractor.output])
    images = keras.Input(image.shape[1:], dtype=image.dtype, name="images")
    outputs = _Served(model.method, name="served")(both(images, training=False))
    network = keras.Model(images, outputs, name=model.name)
    # The exporters ask for a model that was called with an array before.
    network(keras.ops.zeros((1, *(size or 64 for size in image.shape[1:])), image.dtype))
    return network


def as_onnx(network: keras.Model) -> Any:
    """Convert what `served_network` returns.

    Returns:
        `onnx.ModelProto` with the input `images` and the outputs `probabilities` and `features`;
        the batch size is free.
    """
    by = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
    found = by[keras.backend.backend()](network)
    rename(found.graph, dict(zip([i.name for i in found.graph.input], ["images"], strict=True)))
    rename(found.graph, dict(zip([o.name for o in found.graph.output], OUTPUTS, strict=True)))
    return found


def _tensorflow(network: keras.Model) -> Any:
    import onnx

    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "network.onnx"
        network.export(str(file), format="onnx", verbose=False, opset_version=_OLDER)
        return onnx.load(str(file))


def _jax(network: keras.Model) -> Any:
    from jax2onnx import to_onnx

    def call(images: Tensor) -> tuple:
        return tuple(network(images, training=False))

    return to_onnx(call, [tuple(sizes(network.inputs[0].shape))], opset=OPSET)


def _torch(network: keras.Model) -> Any:
    import onnxscript
    import torch

    def squeeze(x: Any, dim: int) -> Any:
        """As PyTorch does it, which leaves sizes other than 1; the exporter's own does not."""
        op: Any = onnxscript.opset20
        return op.Squeeze(x, op.Constant(value_ints=[dim])) if x.shape[dim] == 1 else op.Identity(x)

    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: Tensor) -> tuple:
            return tuple(self.network(images, training=False))

    shape = sizes(network.inputs[0].shape)
    example = torch.zeros([64 if isinstance(size, str) else size for size in (2, *shape[1:])])
    free = {i: torch.export.Dim(size) for i, size in enumerate(shape) if isinstance(size, str)}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of Keras's modules inside PyTorch's exporter
        program: Any = torch.onnx.export(
            Module().eval(), (example.to(keras.ops.zeros(1).device),), dynamo=True, verbose=False,
            dynamic_shapes={"images": free}, external_data=False, opset_version=OPSET,
            custom_translation_table={torch.ops.aten.squeeze.dim: squeeze},
        )  # fmt: skip
    return program.model_proto


def sizes(shape: tuple[int | None, ...]) -> list[int | str]:
    """Sizes of the images as ONNX has them; free ones have names."""
    return [size or ("BHWC"[i] if i < 4 else f"D{i}") for i, size in enumerate(shape)]


def rename(graph: Any, names: dict[str, str]) -> None:
    """Give tensors of a graph other names; exporters have their own for inputs and outputs."""
    taken = {name for node in graph.node for name in (*node.input, *node.output)} - set(names)
    names = {old: new for old, new in names.items()} | {
        name: f"{name}_inside" for name in names.values() if name in taken and name not in names
    }
    for node in graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [names.get(name, name) for name in tensors]
    for value in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        value.name = names.get(value.name, value.name)


class _Served(keras.layers.Layer):
    """Probabilities and unit features; a layer, so that any method's code traces."""

    def __init__(self, method: Method, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.method = method

    def call(self, found: list) -> list[Tensor]:
        outputs, features = found
        scores = keras.ops.cast(self.method.scores(outputs), "float32")
        features = keras.ops.cast(features, "float32")
        return [keras.ops.softmax(scores, axis=-1), features * inverse_norm(features)]
