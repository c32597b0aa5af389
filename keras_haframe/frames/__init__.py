"""Frames: from tree distances to target cosines to classifier vectors. NumPy float64 only."""

from keras_haframe.frames.best_rank import best_rank_frame
from keras_haframe.frames.dense import hierarchy_aware_frame, simplex_etf
from keras_haframe.frames.diagnose import diagnose
from keras_haframe.frames.gram_error import gram_error
from keras_haframe.frames.low_rank_frame import LowRankFrame
from keras_haframe.frames.similarity import min_similarity, similarity
from keras_haframe.frames.target_cosines import TargetCosines
from keras_haframe.frames.tree_frame import TreeFrame

__all__ = [
    "LowRankFrame",
    "TargetCosines",
    "TreeFrame",
    "best_rank_frame",
    "diagnose",
    "gram_error",
    "hierarchy_aware_frame",
    "min_similarity",
    "similarity",
    "simplex_etf",
]
