"""`build()`: the one call most users need."""

from __future__ import annotations

from keras_haframe.models.classifier import HierarchicalClassifier


def build(backbone, tree, method: str = "haframe", **options) -> HierarchicalClassifier:
    """Make a compiled, hierarchy-aware image classifier.

    Args:
        backbone: Keras model or layer from images to `[B, h, w, C]` or `[B, C]`, without a
            classification top: any of `keras.applications` with `include_top=False`, a keras-hub
            or keras-cv backbone, or your own. Images must be scaled as the backbone wants them.
        tree: A `ClassTree`; its classes are in the order of the integer labels.
        method: `"haframe"`, `"cross_entropy"` or another of `keras_haframe.methods.names()`.
        **options: Options of the network (`network`, `hidden_units`, `pooling`, `synchronized`,
            `input_momentum`, `reduce_init`, `input_shape`, `name`; see `HierarchicalClassifier`)
            and of the method (for HAFrame `gamma`, `alpha`, `min_similarity`, `seed`,
            `structured`).

    Returns:
        A `HierarchicalClassifier`, compiled: `fit(images, labels)` works at once.

    Raises:
        ValueError: For an unknown method or option, a backbone with a classification top, or
            options out of range.

    Example:

    ```python
    tree = keras_haframe.ClassTree.from_folders("photos/train")
    backbone = keras.applications.MobileNetV2(include_top=False, input_shape=(224, 224, 3))
    model = keras_haframe.build(backbone, tree)
    model.fit(images, labels, epochs=10)
    ```

    Reference: Liang and Davis, HAFrame (ICCV 2023), type II network.
    """
    return HierarchicalClassifier(backbone, tree, method, **options)
