"""Decisions: from class probabilities to the class (or node) to answer."""

from keras_haframe.decisions.calibrate_threshold import calibrate_threshold, tight_thresholds
from keras_haframe.decisions.conditional_risk import conditional_risk
from keras_haframe.decisions.confidence_floor import confidence_floor
from keras_haframe.decisions.hie import hierarchical_ensemble, leaf_parents
from keras_haframe.decisions.level_probabilities import level_probabilities
from keras_haframe.decisions.most_probable import most_probable
from keras_haframe.decisions.roll_up import roll_up
from keras_haframe.decisions.temperature import apply_temperature, fit_temperature

__all__ = [
    "apply_temperature",
    "calibrate_threshold",
    "conditional_risk",
    "confidence_floor",
    "fit_temperature",
    "hierarchical_ensemble",
    "leaf_parents",
    "level_probabilities",
    "most_probable",
    "roll_up",
    "tight_thresholds",
]
