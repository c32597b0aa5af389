"""Neural-collapse measures: NC1 to NC4, and the same against the frame of a class tree."""

from keras_haframe.collapse.alignment import duality, frame_gap, tail_angle
from keras_haframe.collapse.callback import NeuralCollapseCallback
from keras_haframe.collapse.functional import class_means, neural_collapse
from keras_haframe.collapse.measure import NeuralCollapse
from keras_haframe.collapse.second_pass import NC4, ClassVariability
from keras_haframe.collapse.statistics import ClassStatistics

__all__ = [
    "NC4",
    "ClassStatistics",
    "ClassVariability",
    "NeuralCollapse",
    "NeuralCollapseCallback",
    "class_means",
    "duality",
    "frame_gap",
    "neural_collapse",
    "tail_angle",
]
