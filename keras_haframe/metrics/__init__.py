"""Metrics: how far along the tree the mistakes are."""

from keras_haframe.metrics.hierarchical_distance import HierarchicalDistance, hierarchical_distance
from keras_haframe.metrics.level_accuracy import LevelAccuracy, level_accuracy
from keras_haframe.metrics.mistake_severity import MistakeSeverity, mistake_severity
from keras_haframe.metrics.top1 import Top1Accuracy

__all__ = [
    "HierarchicalDistance",
    "LevelAccuracy",
    "MistakeSeverity",
    "Top1Accuracy",
    "hierarchical_distance",
    "level_accuracy",
    "mistake_severity",
]
