"""A small model with what the callback reads of the library's models."""

import keras

K, D = 4, 6


class Tiny(keras.Model):
    """`feature_extractor` and, with `head`, `classifier_weights()`."""

    def __init__(self, head=True):
        inputs = keras.Input((5,))
        x = keras.layers.Dense(8, activation="tanh")(inputs)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Dropout(0.5)(x)
        features = keras.layers.Dense(D)(x)
        last = keras.layers.Dense(K)
        super().__init__(inputs, last(features))
        self.feature_extractor = keras.Model(inputs, features)
        self.head = last
        if head:
            self.classifier_weights = lambda: (
                keras.ops.convert_to_numpy(self.head.kernel).T,
                keras.ops.convert_to_numpy(self.head.bias),
            )
