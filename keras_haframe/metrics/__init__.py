"""Metrics: how far along the tree the mistakes are."""

from keras_haframe.metrics.full_path import (
    FullPathAccuracy,
    TreeInconsistency,
    full_path_accuracy,
    tree_inconsistency,
)
from keras_haframe.metrics.headline import (
    HEADLINE,
    ORDERING,
    Headline,
    half_width,
    headline_metrics,
)
from keras_haframe.metrics.hierarchical_distance import HierarchicalDistance, hierarchical_distance
from keras_haframe.metrics.hierarchical_f1 import (
    HierarchicalF1,
    HierarchicalPrecision,
    HierarchicalRecall,
    hierarchical_f1,
)
from keras_haframe.metrics.hierarchical_ndcg import HierarchicalNDCG, hierarchical_ndcg
from keras_haframe.metrics.hops import HOPS, hops
from keras_haframe.metrics.level_accuracy import LevelAccuracy, level_accuracy
from keras_haframe.metrics.level_calibration import LevelCalibrationError, level_calibration_error
from keras_haframe.metrics.mistake_severity import MistakeSeverity, mistake_severity
from keras_haframe.metrics.normalized_distance import (
    NormalizedHierarchicalDistance,
    normalized_hierarchical_distance,
)
from keras_haframe.metrics.operating_curve import OperatingCurve, node_coverage, operating_curve
from keras_haframe.metrics.summary import summary
from keras_haframe.metrics.top1 import Top1Accuracy
from keras_haframe.metrics.whole_order import WholeOrder, whole_order

__all__ = [
    "HEADLINE",
    "HOPS",
    "ORDERING",
    "FullPathAccuracy",
    "Headline",
    "HierarchicalDistance",
    "HierarchicalF1",
    "HierarchicalNDCG",
    "HierarchicalPrecision",
    "HierarchicalRecall",
    "LevelAccuracy",
    "LevelCalibrationError",
    "MistakeSeverity",
    "NormalizedHierarchicalDistance",
    "OperatingCurve",
    "Top1Accuracy",
    "TreeInconsistency",
    "WholeOrder",
    "full_path_accuracy",
    "half_width",
    "headline_metrics",
    "hierarchical_distance",
    "hierarchical_f1",
    "hierarchical_ndcg",
    "hops",
    "level_accuracy",
    "level_calibration_error",
    "mistake_severity",
    "node_coverage",
    "normalized_hierarchical_distance",
    "operating_curve",
    "summary",
    "tree_inconsistency",
    "whole_order",
]
