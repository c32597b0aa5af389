"""Neural-collapse measurements in TensorBoard: scalars, and their curves as images."""

from __future__ import annotations

import io
from collections.abc import Sequence


def write_measurements(log_dir, measurements: Sequence[dict], names: Sequence[str]) -> None:
    """Write the last measurement as scalars, and the curves of all so far as images.

    Args:
        log_dir: Folder of the event files.
        measurements: As `NeuralCollapseCallback.measurements` holds them, oldest first.
        names: Measures to draw, such as `"nc1"`; those without a value are left out.

    Raises:
        ModuleNotFoundError: If TensorFlow and TensorBoard, which write them, are not installed.
    """
    try:
        import tensorboard  # noqa: F401 (TensorFlow's summaries need it)
        import tensorflow as tf
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"TensorBoard files need {error.name}, which is not installed. Leave `log_dir` out, or "
            "run: pip install tensorflow-cpu tensorboard",
            name=error.name,
        ) from error
    last = measurements[-1]
    writer = tf.summary.create_file_writer(str(log_dir))
    with writer.as_default(step=int(last["epoch"])):
        for key, value in last.items():
            if key != "epoch":
                tf.summary.scalar(f"collapse/{key}", value)
        for name in names:
            if any(key.endswith(f"_{name}") for key in last):
                image = tf.io.decode_png(_curve(measurements, name), channels=3)
                tf.summary.image(f"collapse/{name}", image[None])
    writer.close()


def _curve(measurements: Sequence[dict], name: str) -> bytes:
    """PNG of a measure over the epochs, test data dashed."""
    from matplotlib.figure import Figure

    from keras_haframe import plots

    keys = {key for one in measurements for key in one}
    history = {key: [one.get(key, float("nan")) for one in measurements] for key in keys}
    figure = Figure(figsize=(3.3, 2.6), dpi=120, layout="constrained")
    plots.plot_curves({"run": history}, name, ax=figure.subplots(), legend=False)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
