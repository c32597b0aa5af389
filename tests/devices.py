"""Two CPU devices for tests of several, and an XLA that compiles quickly; set up when imported."""

import atexit
import os
import shutil
import tempfile

import keras

TWO_DEVICES = ["CPU:0", "CPU:1"]
QUICKLY = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"

if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # one for all workers and processes of a run
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="keras_haframe_jax_")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], True)
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {QUICKLY}"  # processes inherit it

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    # TensorFlow must be told before anything is computed.
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def flags(count: int) -> str:
    """XLA's flags for a process in which JAX sees so many devices."""
    return f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={count}"
