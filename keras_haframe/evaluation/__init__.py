"""Evaluation: everything the tree says about a classifier's scores, from arrays or a table."""

from keras_haframe.evaluation.evaluate import evaluate
from keras_haframe.evaluation.labels import class_labels
from keras_haframe.evaluation.read import read_table
from keras_haframe.evaluation.report import Evaluation
from keras_haframe.evaluation.scores import check_class_scores, to_probabilities
from keras_haframe.evaluation.table import Table

__all__ = [
    "Evaluation",
    "Table",
    "check_class_scores",
    "class_labels",
    "evaluate",
    "read_table",
    "to_probabilities",
]
