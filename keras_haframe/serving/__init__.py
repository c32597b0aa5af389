"""Serving: clients of TF Serving, by REST and by gRPC, and of KServe v2 (Triton)."""

from keras_haframe.serving.errors import ServingError
from keras_haframe.serving.grpc_client import GrpcClient
from keras_haframe.serving.kserve import KServeClient
from keras_haframe.serving.rest import RestClient
from keras_haframe.serving.tls import Tls

__all__ = ["GrpcClient", "KServeClient", "RestClient", "ServingError", "Tls"]
