"""Decisions: from class probabilities to the class (or node) to answer.

To add a rule that ranks the classes anew, put a file here with a function decorated by
`@register("NAME")`; `rescore`, the recipes and `training.compare` find it.
"""

from keras_haframe import rooms
from keras_haframe.decisions.answers import Decision, Decisions
from keras_haframe.decisions.calibrate_threshold import calibrate_threshold, tight_thresholds
from keras_haframe.decisions.conditional_risk import conditional_risk
from keras_haframe.decisions.confidence_floor import confidence_floor
from keras_haframe.decisions.conformal_sets import (
    NodeSets,
    SetThreshold,
    calibrate_sets,
    conformal_sets,
    set_scores,
)
from keras_haframe.decisions.decide import decide
from keras_haframe.decisions.hie import hierarchical_ensemble, leaf_parents
from keras_haframe.decisions.level_probabilities import level_probabilities
from keras_haframe.decisions.most_probable import most_probable
from keras_haframe.decisions.roll_up import roll_up
from keras_haframe.decisions.rules import names, register, rescore
from keras_haframe.decisions.temperature import apply_temperature, fit_temperature

rooms.load_all(__name__)

__all__ = [
    "Decision",
    "Decisions",
    "NodeSets",
    "SetThreshold",
    "apply_temperature",
    "calibrate_sets",
    "calibrate_threshold",
    "conditional_risk",
    "confidence_floor",
    "conformal_sets",
    "decide",
    "fit_temperature",
    "hierarchical_ensemble",
    "leaf_parents",
    "level_probabilities",
    "most_probable",
    "names",
    "register",
    "rescore",
    "roll_up",
    "set_scores",
    "tight_thresholds",
]
