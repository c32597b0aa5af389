"""Figures. Every function takes `ax=` and returns the matplotlib Axes it drew on."""

from keras_haframe.plots.gram import plot_gram
from keras_haframe.plots.images import plot_images
from keras_haframe.plots.mistakes import plot_mistakes_by_height

__all__ = ["plot_gram", "plot_images", "plot_mistakes_by_height"]
