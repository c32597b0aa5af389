"""How much memory there is to train in."""

from __future__ import annotations

import pathlib

import keras


def available_bytes() -> int | None:
    """Memory of the accelerators together, or what the machine has free; `None` if unknown."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        stats = [device.memory_stats() or {} for device in jax.local_devices()]
        if jax.default_backend() != "cpu":
            known = all("bytes_limit" in one for one in stats)
            return sum(one["bytes_limit"] for one in stats) if known else None
    elif backend == "torch":
        import torch

        if torch.cuda.is_available():
            return sum(torch.cuda.mem_get_info(i)[0] for i in range(torch.cuda.device_count()))
    elif backend == "tensorflow":
        import tensorflow as tf

        if tf.config.list_physical_devices("GPU"):
            return None  # TensorFlow does not tell what a device has
    return _free_on_host()


def _free_on_host() -> int | None:
    """`MemAvailable` of Linux: what can be had without swapping."""
    try:
        lines = pathlib.Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None
