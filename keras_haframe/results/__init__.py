"""Results: the folder of a run, its tables, and the page that `haframe report` makes of it."""

from keras_haframe.results.contents import Folder, TestScores, read_folder
from keras_haframe.results.folder import run_folder, write_images
from keras_haframe.results.page import write_report
from keras_haframe.results.run import read_scores, write_scores
from keras_haframe.results.table import half_width, markdown, write_csv

__all__ = [
    "Folder",
    "TestScores",
    "half_width",
    "markdown",
    "read_folder",
    "read_scores",
    "run_folder",
    "write_csv",
    "write_images",
    "write_report",
    "write_scores",
]
