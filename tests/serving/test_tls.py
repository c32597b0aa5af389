"""Encrypted connections: an authority made here, right and wrong certificates on both sides."""

import contextlib
import shutil
import ssl
import subprocess
from concurrent import futures

import grpc
import numpy as np
import pytest

from keras_haframe.serving import GrpcClient, RestClient, ServingError, Tls
from keras_haframe.serving.messages import pb
from keras_haframe.serving.tensors import to_proto
from tests.serving.hostile import Hostile, answer

if shutil.which("openssl") is None:
    pytest.skip("certificates are made with openssl", allow_module_level=True)

ONE = {"images": np.zeros((1, 2), np.float32)}
FINE = answer(b'{"outputs": {"score": [0.5]}}')


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folder with two authorities, and certificates of the first for server, another, client."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for name in ("ca", "other"):
        openssl("req", "-x509", *curve, "-keyout", f"{name}.key", "-out", f"{name}.pem",
                "-days", "1", "-subj", f"/CN={name}")  # fmt: skip
    for name, alternative in (
        ("server", "DNS:localhost,IP:127.0.0.1"), ("wrong", "DNS:elsewhere"), ("client", "DNS:c")
    ):  # fmt: skip
        (folder / "ext").write_text(f"subjectAltName={alternative}\n")
        openssl("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj",
                f"/CN={name}")  # fmt: skip
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "1", "-extfile", "ext", "-out",
                f"{name}.pem")  # fmt: skip
    return folder


@contextlib.contextmanager
def rest(made, name, ask_back):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made / f"{name}.pem", made / f"{name}.key")
    if ask_back:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(made / "ca.pem")
    with Hostile(FINE, context=context) as server:
        yield lambda tls: RestClient(server.url, "m", tls=tls, timeout=5, retries=0)


@contextlib.contextmanager
def rpc(made, name, ask_back):
    reply = pb.PredictResponse()
    reply.outputs["score"].CopyFrom(to_proto(np.array([0.5])))

    class Play(grpc.GenericRpcHandler):
        def service(self, _):
            return grpc.unary_unary_rpc_method_handler(lambda *_: reply.SerializeToString())

    pair = [(made / f"{name}.key").read_bytes(), (made / f"{name}.pem").read_bytes()]
    roots = (made / "ca.pem").read_bytes() if ask_back else None
    running = grpc.server(futures.ThreadPoolExecutor(2), [Play()])
    credentials = grpc.ssl_server_credentials([pair], roots, ask_back)
    port = running.add_secure_port("127.0.0.1:0", credentials)
    running.start()
    yield lambda tls: GrpcClient(f"127.0.0.1:{port}", "m", tls=tls, timeout=5, retries=0)
    running.stop(None)


@pytest.mark.parametrize("kind", [rest, rpc])
def test_the_servers_certificate_is_checked(made, kind):
    with kind(made, "server", False) as client:
        with client(Tls(made / "ca.pem")) as found:
            assert found.predict(ONE)["score"].tolist() == [0.5]
        for tls in (Tls(made / "other.pem"), Tls()):  # another authority; those of the system
            with client(tls) as found, pytest.raises(ServingError):
                found.predict(ONE)


@pytest.mark.parametrize("kind", [rest, rpc])
def test_the_servers_name_is_checked(made, kind):
    with kind(made, "wrong", False) as client, client(Tls(made / "ca.pem")) as found:
        with pytest.raises(ServingError):
            found.predict(ONE)


@pytest.mark.parametrize("kind", [rest, rpc])
def test_the_client_shows_its_certificate(made, kind):
    mine = Tls(made / "ca.pem", made / "client.pem", made / "client.key")
    with kind(made, "server", True) as client:
        with client(mine) as found:
            assert found.predict(ONE)["score"].tolist() == [0.5]
        with client(Tls(made / "ca.pem")) as found, pytest.raises(ServingError):
            found.predict(ONE)


def test_a_refused_certificate_is_not_tried_again(made):
    with rest(made, "server", False) as client:
        with client(Tls(made / "other.pem")) as found:
            found.retries = 3
            with pytest.raises(ServingError, match="certificate verify failed") as caught:
                found.predict(ONE)
    assert caught.value.attempts == 1 and not caught.value.transient


def test_a_slow_server_is_left_in_time_here_too(made):
    import time

    from tests.serving.hostile import drip

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made / "server.pem", made / "server.key")
    slow = drip(b"HTTP/1.1 200 OK\r\nX: ", b"x")
    with Hostile(slow, context=context) as server:
        start = time.monotonic()
        with pytest.raises(ServingError, match="within 0.5 s"):
            RestClient(
                server.url, "m", timeout=0.5, retries=0, tls=Tls(made / "ca.pem")
            ).predict(ONE)  # fmt: skip
        assert time.monotonic() - start < 3.5


def test_wrong_calls(made):
    with pytest.raises(ValueError, match="`key` needs its `certificate`"):
        Tls(key=made / "client.key")
    with pytest.raises(ValueError, match="`root_certificates` must be a PEM file.*none.pem"):
        Tls("none.pem")
    with pytest.raises(ValueError, match="needs an address with https"):
        RestClient("http://localhost", "m", tls=Tls())
