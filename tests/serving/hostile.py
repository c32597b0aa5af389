"""Servers on bare sockets that answer with whatever bytes, at whatever pace."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time


def read_request(sock) -> bytes:
    """Head and body of one HTTP request; empty when the client has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


class Hostile:
    """Gives every connection to the next of `acts`, the last one again and again.

    An act takes the socket after a request was read. Attributes: `url`, `seen` (requests).
    """

    def __init__(self, *acts, context=None):
        self.acts, self.context, self.seen = list(acts), context, []

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http{'s' if self.context else ''}://127.0.0.1:{self.port}"
        self.stopping = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
                threading.Thread(target=self._play, args=(sock, act), daemon=True).start()

    def _play(self, sock, act):
        with contextlib.suppress(OSError):
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            with sock:
                request = read_request(sock)
                if request:
                    self.seen.append(request)
                    act(sock)


def answer(
    body: bytes, status: str = "200 OK", *headers: str, length: int | None = None, last: bool = True
):
    """Act: a whole answer, or one that promises `length` bytes; the last of the connection."""
    size = len(body) if length is None else length
    # Said, or a client that is faster than the end of the connection uses it once more.
    close = ["Connection: close"] if last else []
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", *close, *headers, "", ""]
    return lambda sock: sock.sendall("\r\n".join(lines).encode() + body)


def reset(status: str, body: bytes = b"{"):
    """Act: the connection is reset within the body."""

    def act(sock):
        answer(body, status, length=len(body) + 100)(sock)
        time.sleep(0.05)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return act


def stall(data: bytes, seconds: float = 3.0):
    """Act: some bytes, then nothing."""

    def act(sock):
        sock.sendall(data)
        sock.settimeout(seconds)
        sock.recv(1)  # until the client goes

    return act


def drip(head: bytes, byte: bytes, pause: float = 0.1, longest: float = 5.0):
    """Act: `head`, then one byte after the other, none of them late."""

    def act(sock):
        sock.sendall(head)
        end = time.monotonic() + longest
        while time.monotonic() < end:
            sock.sendall(byte)
            time.sleep(pause)

    return act
