"""Figures. Every function takes `ax=` and returns the matplotlib Axes it drew on."""

from keras_haframe.plots.class_vectors import plot_class_vectors
from keras_haframe.plots.confusion import level_confusion, plot_confusion
from keras_haframe.plots.curves import plot_curves, read_history
from keras_haframe.plots.dendrogram import plot_dendrogram
from keras_haframe.plots.gram import class_mean_cosines, plot_gram
from keras_haframe.plots.gram_beside import plot_gram_beside
from keras_haframe.plots.images import plot_images
from keras_haframe.plots.mistakes import chance_shares, plot_mistakes_by_height
from keras_haframe.plots.operating import plot_operating_curve
from keras_haframe.plots.reconstructions import plot_reconstructions
from keras_haframe.plots.reliability import plot_reliability
from keras_haframe.plots.scatter import plot_accuracy_severity
from keras_haframe.plots.similarity import plot_similarity
from keras_haframe.plots.worst import plot_worst_mistakes, worst_mistakes

__all__ = [
    "chance_shares",
    "class_mean_cosines",
    "level_confusion",
    "plot_accuracy_severity",
    "plot_class_vectors",
    "plot_confusion",
    "plot_curves",
    "plot_dendrogram",
    "plot_gram",
    "plot_gram_beside",
    "plot_images",
    "plot_mistakes_by_height",
    "plot_operating_curve",
    "plot_reconstructions",
    "plot_reliability",
    "plot_similarity",
    "plot_worst_mistakes",
    "read_history",
    "worst_mistakes",
]
