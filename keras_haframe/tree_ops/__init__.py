"""Passes over a class tree in `keras.ops`, and the checks that all rooms share."""
