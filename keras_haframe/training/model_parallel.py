"""Networks whose class side is split over devices: `keras.distribution.ModelParallel` on JAX."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

BATCH, CLASSES = "batch", "classes"  # axes of the mesh of devices
BEFORE = "(?:.*/)?"

# Paths of the variables that have a column per class or node (necks, heads), and their layout.
LAYOUTS = {
    BEFORE + r"(?:node_)?classifier/kernel(?:_\d+)?": (None, CLASSES),
    BEFORE + r"(?:node_)?classifier/bias(?:_\d+)?": (CLASSES,),
    BEFORE + r"rotation/kernel": (None, CLASSES),
    BEFORE + r"reduce/kernel": (None, None, None, CLASSES),
    BEFORE + r"widen/kernel": (None, CLASSES),
    BEFORE + r"transformation/.*kernel": (None, CLASSES),
    BEFORE + r"transformation/.*(?:gamma|beta|moving_mean|moving_variance|alpha)": (CLASSES,),
}


def layout_map(mesh: keras.distribution.DeviceMesh) -> keras.distribution.LayoutMap:
    """Return how the variables of `build`'s networks lie on a mesh with an axis `"classes"`.

    Split are the class side of heads (kernel `[P, K]`, bias `[K]`; of heads by node `[P, N]`) and
    the layers of a type II neck, which are as wide as the head. All else is on every device.
    """
    layouts = keras.distribution.LayoutMap(mesh)
    for path, axes in LAYOUTS.items():
        layouts[path] = axes
    return layouts


class ClassParallel(keras.distribution.ModelParallel):
    """`ModelParallel` in which every device has images of its own.

    (Keras's gives all devices of a copy the same images, and each does the whole work of the
    backbone.) What does not split evenly, such as a head of few groups, is left whole.
    """

    @property
    def data_parts(self) -> int:
        """Parts of a batch: one for every device."""
        return int(self.device_mesh.devices.size)

    def get_data_layout(self, data_shape: Any) -> Any:
        return _OverAll([None] * len(data_shape), self.device_mesh)

    def get_variable_layout(self, variable: Any) -> Any:
        layout = super().get_variable_layout(variable)
        shards = dict(zip(self.device_mesh.axis_names, self.device_mesh.shape))
        # That of a convolution; where images come as features `reduce` is a linear layer.
        axes = layout.axes[len(layout.axes) - len(variable.shape) :]
        even = all(size % shards.get(axis, 1) == 0 for size, axis in zip(variable.shape, axes))
        if even:
            return keras.distribution.TensorLayout(axes, self.device_mesh)
        return keras.distribution.TensorLayout([None] * len(variable.shape), self.device_mesh)


class _OverAll(keras.distribution.TensorLayout):
    """The first axis over all devices; Keras has no word for two axes of a mesh at once."""

    @property
    def backend_layout(self) -> Any:
        import jax

        mesh = self.device_mesh
        rest = [None] * (len(self.axes) - 1)
        spec = jax.sharding.PartitionSpec(tuple(mesh.axis_names), *rest)
        return jax.sharding.NamedSharding(mesh.backend_mesh, spec)


def class_parallel(
    model_shards: int, devices: list[str] | None = None
) -> keras.distribution.ModelParallel:
    """Make the distribution that splits batches over all devices and classes over some.

    Of `D` devices, each group of `model_shards` holds one copy of the head between them; all else
    is on every device. Set it with `all_devices(model_shards=...)`, before a model is made.

    Args:
        model_shards: Devices of one copy. The devices of a process must be a multiple of it, so
            that each process has whole copies: data and checkpoints are then those of data
            parallel training.
        devices: Names as of `keras.distribution.list_devices()`; all of them by default.

    Raises:
        ValueError: If the devices do not divide so.

    Example:

    ```python
    keras.distribution.set_distribution(class_parallel(2))
    model = build(backbone, tree, "cross_entropy")
    model.get_layer("classifier").kernel.value.sharding  # PartitionSpec(None, "classes")
    ```
    """
    import jax

    names = devices or keras.distribution.list_devices()
    local = len(names) // jax.process_count()
    if model_shards < 1 or local % model_shards:
        raise ValueError(
            f"`model_shards` must divide the number of devices of a process, {local}. "
            f"Received: model_shards={model_shards}"
        )
    mesh = keras.distribution.DeviceMesh(
        (len(names) // model_shards, model_shards), (BATCH, CLASSES), np.array(names)
    )
    return ClassParallel(
        layout_map=layout_map(mesh), batch_dim_name=BATCH, auto_shard_dataset=False
    )
