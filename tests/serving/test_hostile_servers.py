"""Whatever a server sends, a client returns right outputs or raises ServingError, in time."""

import time

import numpy as np
import pytest

from keras_haframe.serving import RestClient, ServingError
from keras_haframe.serving import errors as serving_errors
from tests.serving.hostile import Hostile, answer, drip, reset, stall

FINE = answer(b'{"outputs": {"class_name": ["jet"], "score": [NaN]}}')
ONE = {"image_bytes": [b"x"]}


def client(server, **options):
    options = {"timeout": 10, "backoff": 0.01, "retries": 1} | options
    return RestClient(server.url, "planes", **options)


BROKEN = {
    "error answer cut": answer(b'{"error": "no', "503 Busy", length=100),
    "error answer stalls": stall(b"HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\n{"),
    "error answer reset": reset("503 Busy"),
    "answer cut": answer(b'{"outputs": {', length=100),
    "answer stalls": stall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
    "answer reset": reset("200 OK"),
    "head cut": lambda s: s.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "chunks cut": lambda s: s.sendall(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"
    ),
    "nothing at all": lambda s: None,
    "no HTTP": lambda s: s.sendall(b"\x00\xff\x00\xff\r\n\r\n"),
}


def patience(name):
    """Timeout that a stalled answer exhausts soon, and others not on a busy machine."""
    return {"timeout": 0.5 if "stalls" in name else 10}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_answers_are_tried_again(name):
    with Hostile(BROKEN[name], FINE) as server:
        found = client(server, retries=5, **patience(name)).predict(ONE)
        assert found["class_name"].tolist() == ["jet"]
        assert len(server.seen) >= 2


@pytest.mark.parametrize("name", BROKEN)
def test_broken_answers_end_in_a_serving_error(name):
    with Hostile(BROKEN[name]) as server, client(server, **patience(name)) as found:
        with pytest.raises(ServingError) as caught:
            found.predict(ONE)
        assert caught.value.attempts == 2 and caught.value.transient


SLOW = {
    "head": drip(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "status line": drip(b"", b"H"),
    "continue for ever": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b" "),
    "body of a closing server": drip(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n", b" "
    ),
    "body without end": drip(b"HTTP/1.0 200 OK\r\n\r\n", b" "),
    "chunks": drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "error": drip(b"HTTP/1.1 400 No\r\nContent-Length: 1000\r\n\r\n", b" "),
}


@pytest.mark.parametrize("name", SLOW)
def test_the_timeout_bounds_the_whole_attempt(name):
    with Hostile(SLOW[name]) as server:
        start = time.monotonic()
        with pytest.raises(ServingError) as caught:
            client(server, retries=0, timeout=0.4).predict(ONE)
        assert caught.value.transient == (name != "error")  # 400 is 400
        assert 0.3 < time.monotonic() - start < 3.5


def test_a_server_that_does_not_read_is_left_in_time():
    with Hostile(FINE) as server:
        server._play = lambda sock, act: time.sleep(4)
        start = time.monotonic()
        with pytest.raises(ServingError, match="within 0.4 s"):
            client(server, retries=0, timeout=0.4).predict({"images": [b"x" * 2**24]})
        assert time.monotonic() - start < 3


MALFORMED = {
    "no outputs": b"{}",
    "a list": b"[]",
    "null": b"null",
    "not JSON": b"<html>",
    "not UTF-8": b'{"outputs": {"score": ["\xff"]}}',
    "nested": b'{"outputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested within the parser's depth": b'{"outputs": ' + b"[" * 500 + b"]" * 500 + b"}",
    "an object as output": b'{"outputs": {"score": [{"a": 1}]}}',
    "null as value": b'{"outputs": {"score": [null]}}',
    "text and numbers": b'{"outputs": {"score": [["a", 1]]}}',
    "ragged": b'{"outputs": {"score": [[1, 2], [3]]}}',
    "a number without rows": b'{"outputs": {"score": 1.0}}',
    "huge integer": b'{"outputs": {"class_id": [%d]}}' % 10**30,
    "integer of 5000 digits": b'{"outputs": {"class_id": [' + b"1" * 5000 + b"]}}",
    "no row": b'{"outputs": {"score": []}}',
    "too many rows": b'{"outputs": {"score": [0.5, 0.5]}}',
    "wide text": b'{"outputs": {"name": [["%s"%s]]}}' % (b"x" * 2**20, b',""' * 100),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_answers_are_serving_errors(name):
    with Hostile(answer(MALFORMED[name])) as server, client(server) as found:
        with pytest.raises(ServingError) as caught:
            found.predict(ONE)
        assert caught.value.attempts == 1 and not caught.value.transient


@pytest.mark.parametrize(
    "body",
    [
        b"{}", b"[]", b'{"results": 1}', b'{"results": []}', b'{"results": [1]}',
        b'{"results": [[["a", "b"]]]}', b'{"results": [[[1, 0.5]]]}', b'{"results": [[["a"]]]}',
        b'{"results": [[["a", 0.5]], [["a", 0.5]]]}',
    ],
)  # fmt: skip
def test_malformed_classifications(body):
    with Hostile(answer(body)) as server, pytest.raises(ServingError):
        client(server).classify([b"x"])


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"model_version_status": [{}]}', b'{"model_version_status": {"version": 1}}',
     b'{"model_version_status": [{"version": "x", "state": "END"}]}',
     b'{"model_version_status": [{"version": 1, "state": 2}]}'],
)  # fmt: skip
def test_malformed_states(body):
    with Hostile(answer(body)) as server, pytest.raises(ServingError):
        client(server).status()


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary"])
def test_redirects_are_not_followed(status):
    with Hostile(FINE) as other:
        to = f"Location: {other.url}/v1/models/planes:predict"
        with Hostile(answer(b"", status, to)) as server:
            with pytest.raises(ServingError, match="redirects are not followed.*127") as caught:
                client(server).predict(ONE)
        assert not other.seen and caught.value.attempts == 1


@pytest.mark.parametrize("head", [b"Content-Length: 100000000", b"X: y"])
def test_answers_larger_than_the_limit_are_not_read(head):
    sent = []

    def flood(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + head + b"\r\n\r\n")
        for _ in range(100):
            sock.sendall(b" " * 1_000_000)
            sent.append(1_000_000)

    with Hostile(flood) as server, pytest.raises(ServingError, match="max_message=1000 "):
        client(server, max_message=1000, timeout=5).predict(ONE)
    assert sum(sent) < 2e7  # what fits the buffers of the sockets


def test_a_compressed_answer_is_not_unpacked():
    import gzip

    bomb = answer(gzip.compress(b" " * 10_000_000), "200 OK", "Content-Encoding: gzip")
    with Hostile(bomb) as server, pytest.raises(ServingError, match="JSON"):
        client(server, max_message=100_000).predict(ONE)


@pytest.mark.parametrize("status", ["503 Busy", "429 Too Many Requests"])
def test_retry_after_is_kept(status):
    busy = answer(b"{}", status, "Retry-After: 1")
    with Hostile(busy, FINE) as server:
        start = time.monotonic()
        assert client(server).predict(ONE)["class_name"].tolist() == ["jet"]
        assert 1 <= time.monotonic() - start < 5


@pytest.mark.parametrize("asked", ["3600", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_server_that_asks_for_too_long_is_given_up(asked):
    with Hostile(answer(b"{}", "503 Busy", f"Retry-After: {asked}")) as server:
        with pytest.raises(ServingError) as caught:
            client(server, retries=3).predict(ONE)
    assert caught.value.attempts == 1 and caught.value.transient
    assert caught.value.retry_after > serving_errors.LONGEST_WAIT


@pytest.mark.parametrize("asked", ["soon", "-5", "Fri, 31 Dec 1999 23:59:59 GMT", "\xff"])
def test_a_retry_after_that_means_nothing_is_ignored(asked):
    with Hostile(answer(b"{}", "503 Busy", f"Retry-After: {asked}"), FINE) as server:
        assert client(server).predict(ONE)["class_name"].tolist() == ["jet"]


def test_reasons_are_fit_for_a_terminal():
    body = b'{"error": "\\u001b[2J\\u001b]0;owned\\u0007 no"}'
    with Hostile(answer(body, "400 Bad")) as server, pytest.raises(ServingError) as caught:
        client(server).predict(ONE)
    assert str(caught.value).isprintable() and "owned" in str(caught.value)


def test_inputs_of_different_lengths_are_not_sent():
    with Hostile(FINE) as server, pytest.raises(ValueError, match="same number of rows"):
        client(server).predict({"image_bytes": [b"x", b"y"], "threshold": np.zeros(1)})
    assert not server.seen


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_timeouts_are_checked(timeout):
    with pytest.raises(ValueError, match="`timeout` must be a positive number"):
        RestClient("http://127.0.0.1:1", "m", timeout=timeout)


def test_passwords_in_an_address_are_refused_and_not_repeated():
    with pytest.raises(ValueError, match="must not hold a user name") as caught:
        RestClient("http://me:secret@127.0.0.1:1", "m")
    assert "secret" not in str(caught.value)


def test_a_connection_is_used_again():
    accepted = []
    kept = answer(b'{"outputs": {"class_name": ["jet"], "score": [NaN]}}', last=False)

    def two(sock):
        from tests.serving.hostile import read_request

        accepted.append(sock)
        kept(sock)
        read_request(sock)
        kept(sock)

    with Hostile(two) as server, client(server) as found:
        for _ in range(2):
            assert found.predict(ONE)["class_name"].tolist() == ["jet"]
    assert len(accepted) == 1


def test_a_proxy_of_the_environment_is_used(monkeypatch):
    with Hostile(FINE) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        found = RestClient("http://models.example:8501", "planes", timeout=2).predict(ONE)
        assert found["class_name"].tolist() == ["jet"]
        assert proxy.seen[0].startswith(b"POST http://models.example:8501/v1/models/planes:predict")


def test_random_bytes_end_in_a_serving_error():
    rng = np.random.default_rng(0)
    pieces = [
        b"HTTP/1.1 200 OK\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: -1\r\n", b"Content-Length: x\r\n", b"\r\n", b": \r\n", b"\x00",
        b"{}", b"Content-Encoding: gzip\r\n", b"5\r\n", b"\xff\xfe", b"zz\r\n",
        b"HTTP/9 -1\r\n", b"Location: //\r\n", b"HTTP/1.1 301 x\r\n", b"Connection: close\r\n",
    ]  # fmt: skip

    def random(sock):
        chosen = rng.integers(0, len(pieces), rng.integers(1, 9))
        start = pieces[0] if rng.random() < 0.7 else b""
        sock.sendall(start + b"".join(pieces[i] for i in chosen))

    with Hostile(random) as server, client(server, retries=0) as found:
        for _ in range(150):
            with pytest.raises(ServingError):
                found.predict(ONE)
