"""The served functions: every signature of the exported SavedModel."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Any

from keras_haframe.files import PathLike
from keras_haframe.models import HierarchicalClassifier
from keras_haframe.saving import decoding, outputs
from keras_haframe.saving.large_tree import NodeNames, is_large
from keras_haframe.tree_ops.values import Tensor

ENCODED = "image/encoded"  # feature of tf.Example that `classify` reads, as in TFDS and TF-Slim


@dataclasses.dataclass(frozen=True)
class Options:
    """What the signatures depend on beside the model.

    Attributes:
        prepare: Function from a decoded image to the model's input, or `None` for a model whose
            input is no image: then there are no signatures for encoded images.
        shape: Size `(H, W, C)` of what `prepare` returns.
        max_pixels: Limit on the decoded size of an image.
        max_scans: Limit on the scans of a JPEG.
        threads: Images decoded at the same time.
        top_k: Classes that `classify` returns.
    """

    prepare: Callable[[Tensor], Tensor] | None = None
    shape: tuple[int, ...] | None = None
    max_pixels: int = decoding.MAX_PIXELS
    max_scans: int = decoding.MAX_SCANS
    threads: int = decoding.THREADS
    top_k: int = 5


def make(
    model: HierarchicalClassifier, options: Options, tree_file: pathlib.Path | None = None
) -> tuple[Any, dict[str, Any]]:
    """Make the module to save and its signatures by name.

    The network is traced once for probabilities and once for features, decoding once; the
    signatures call these functions, so the graph hardly grows with their number.

    Args:
        model: A `HierarchicalClassifier` on the TensorFlow backend.
        options: `Options`.
        tree_file: Where the tree is written; a large tree's names are read from it.

    Returns:
        `(tf.Module, {name: tf.function})`.
    """
    import tensorflow as tf

    tree, image = model.tree, model.inputs[0]
    shape = tuple(image.shape[1:])
    images_spec = tf.TensorSpec((None, *shape), tf.float32, name="images")
    bytes_spec = tf.TensorSpec([None], tf.string, name="image_bytes")
    threshold_spec = tf.TensorSpec([None], tf.float32, name="threshold")
    floor_spec = tf.TensorSpec([None], tf.float32, name="floor")
    allowed_spec = tf.TensorSpec([None, tree.num_classes], tf.bool, name="allowed")

    def traced(*specs: Any) -> Tensor:
        """`tf.function` of these inputs; the code here has no Python control flow to convert."""
        return tf.function(input_signature=specs, autograph=False)

    def never_empty(images: Tensor) -> Tensor:
        """Put a row of zeros in place of an empty batch, which oneDNN's convolutions do not take.

        Without `tf.cond`: one Switch in a graph slows the scheduling of all its nodes.
        """
        sizes = tf.shape(images)
        missing = tf.maximum(1 - sizes[:1], 0)
        rest = sizes[1:] if None in shape else tf.constant(shape)
        images = tf.concat([images, tf.zeros(tf.concat([missing, rest], 0))], 0)
        return tf.cast(tf.ensure_shape(images, (None, *shape)), image.dtype)

    @traced(images_spec)
    def probabilities(images: Tensor) -> Tensor:
        scores = model.method.scores(model(never_empty(images), training=False))
        return tf.nn.softmax(tf.cast(scores, tf.float32))[: tf.shape(images)[0]]

    @traced(images_spec)
    def unit_features(images: Tensor) -> dict:
        features = model.feature_extractor(never_empty(images), training=False)
        return outputs.unit_features(features[: tf.shape(images)[0]])

    module, names, every = tf.Module(), None, None
    answers = functools.partial(outputs.hierarchical_outputs, tree=tree)
    if tree_file is not None and is_large(tree):  # then one function holds the tree for all
        names = NodeNames(tree, tree_file)
        module.node_names = names.table
        every = tf.ones([1, tree.num_classes], tf.bool)
        rows = tf.TensorSpec([None, tree.num_classes], tf.float32)

        @traced(rows, threshold_spec, allowed_spec)
        def answers(probabilities: Tensor, threshold: Tensor, allowed: Tensor) -> dict:
            return outputs.hierarchical_outputs(probabilities, tree, threshold, allowed, names)

    @traced(images_spec, threshold_spec)
    def hierarchical(images: Tensor, threshold: Tensor) -> dict:
        return answers(probabilities(images), threshold=threshold, allowed=every)

    @traced(images_spec, floor_spec, allowed_spec)
    def decide(images: Tensor, floor: Tensor, allowed: Tensor) -> dict:
        return answers(probabilities(images), threshold=floor, allowed=allowed)

    @traced(images_spec)
    def serving_default(images: Tensor) -> dict:
        return outputs.class_outputs(probabilities(images), tree, names)

    # Holding the bare variables, not the Keras model, keeps the weights from being stored twice.
    module.model_variables = [v.value for v in model.variables]
    signatures = {
        "serving_default": serving_default,
        "hierarchical": hierarchical,
        "decide": decide,
        "features": unit_features,
    }
    prepare, size = options.prepare, options.shape
    if prepare is None or size is None:
        return module, signatures

    # Converted by AutoGraph: the preparation may be a function of the user's with `if` and `for`.
    @tf.function(input_signature=[bytes_spec])
    def decoded(image_bytes: Tensor) -> Tensor:
        return decoding.decode_batch(
            image_bytes, prepare, size, options.max_pixels, options.max_scans, options.threads
        )

    def with_flags(found: dict, ok: Tensor, error: Tensor) -> dict:
        return {**outputs.blank_bad_rows(found, ok), "ok": ok, "error": error}

    @traced(bytes_spec)
    def serving_bytes(image_bytes: Tensor) -> dict:
        images, ok, error = decoded(image_bytes)
        return with_flags(serving_default(images), ok, error)

    @traced(bytes_spec, threshold_spec)
    def hierarchical_bytes(image_bytes: Tensor, threshold: Tensor) -> dict:
        images, ok, error = decoded(image_bytes)
        return with_flags(hierarchical(images, threshold), ok, error)

    @traced(bytes_spec, floor_spec, allowed_spec)
    def decide_bytes(image_bytes: Tensor, floor: Tensor, allowed: Tensor) -> dict:
        images, ok, error = decoded(image_bytes)
        return with_flags(decide(images, floor, allowed), ok, error)

    @traced(bytes_spec)
    def features_bytes(image_bytes: Tensor) -> dict:
        images, ok, error = decoded(image_bytes)
        return with_flags(unit_features(images), ok, error)

    @traced(tf.TensorSpec([None], tf.string, name="inputs"))
    def classify(inputs: Tensor) -> dict:
        feature = tf.io.FixedLenFeature([], tf.string, default_value="")
        images, ok, _ = decoded(tf.io.parse_example(inputs, {ENCODED: feature})[ENCODED])
        found = outputs.top_outputs(probabilities(images), tree, options.top_k, names)
        return outputs.blank_bad_rows(found, ok)

    signatures |= {
        "serving_bytes": serving_bytes,
        "hierarchical_bytes": hierarchical_bytes,
        "decide_bytes": decide_bytes,
        "features_bytes": features_bytes,
        "classify": classify,
    }
    return module, signatures


def set_classify_method(saved_model_dir: PathLike) -> None:
    """Mark `classify` as TF Serving's Classify; exports mark every signature as Predict."""
    from tensorflow.core.protobuf import saved_model_pb2

    file = pathlib.Path(saved_model_dir) / "saved_model.pb"
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString(file.read_bytes())
    for graph in saved.meta_graphs:
        if "classify" in graph.signature_def:
            graph.signature_def["classify"].method_name = "tensorflow/serving/classify"
    file.write_bytes(saved.SerializeToString(deterministic=True))
