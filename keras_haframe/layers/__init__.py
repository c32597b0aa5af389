"""Layers: the transformation block, fixed classifiers, batch normalization, transformers."""

from keras_haframe.layers.batch_normalization import BatchNormalization
from keras_haframe.layers.class_token import ClassToken
from keras_haframe.layers.draws import Draws
from keras_haframe.layers.embedding_classifier import EmbeddingClassifier
from keras_haframe.layers.etf_classifier import ETFClassifier
from keras_haframe.layers.fixed_classifier import FixedClassifier
from keras_haframe.layers.frame_classifier import FrameClassifier
from keras_haframe.layers.mae_decoder import MAEDecoder
from keras_haframe.layers.patch_embedding import PatchEmbedding
from keras_haframe.layers.residual_block import ResidualBlock
from keras_haframe.layers.self_attention import SelfAttention
from keras_haframe.layers.slice_classifiers import SliceClassifiers
from keras_haframe.layers.transformation_block import TransformationBlock
from keras_haframe.layers.transformer_block import TransformerBlock
from keras_haframe.layers.unit_classifiers import UnitClassifiers

__all__ = [
    "BatchNormalization",
    "ClassToken",
    "Draws",
    "ETFClassifier",
    "EmbeddingClassifier",
    "FixedClassifier",
    "FrameClassifier",
    "MAEDecoder",
    "PatchEmbedding",
    "ResidualBlock",
    "SelfAttention",
    "SliceClassifiers",
    "TransformationBlock",
    "TransformerBlock",
    "UnitClassifiers",
]
