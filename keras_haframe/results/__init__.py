"""Results: the folder of a run, its tables, and the page that `haframe report` makes of it."""

from keras_haframe.results.folder import Run, TestScores, read_run
from keras_haframe.results.page import write_report
from keras_haframe.results.table import half_width, markdown, write_csv

__all__ = [
    "Run",
    "TestScores",
    "half_width",
    "markdown",
    "read_run",
    "write_csv",
    "write_report",
]
