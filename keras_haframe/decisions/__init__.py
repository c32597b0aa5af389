"""Decisions: from class probabilities to the class (or node) to answer."""

from keras_haframe.decisions.conditional_risk import conditional_risk
from keras_haframe.decisions.most_probable import most_probable
from keras_haframe.decisions.roll_up import roll_up

__all__ = ["conditional_risk", "most_probable", "roll_up"]
