"""A run as one self-contained HTML page."""

from keras_haframe.report.page import write_report
from keras_haframe.report.run import Predictions, Run, read_run

__all__ = ["Predictions", "Run", "read_run", "write_report"]
