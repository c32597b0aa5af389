"""What goes wrong between client and server, and whether to try again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

Answer = TypeVar("Answer")

LONGEST_WAIT = 30.0
"""Seconds that a server may ask a client to wait (`Retry-After`) before it gives up instead."""


class ServingError(RuntimeError):
    """A request was not answered, or not with what the model's outputs can be.

    Attributes:
        transient: Whether the same request may succeed later (server busy, not there, too slow).
        attempts: How often it was sent.
        retry_after: Seconds that the server asked to wait; `None` if it did not ask.
    """

    def __init__(
        self,
        message: str,
        transient: bool = False,
        attempts: int = 1,
        retry_after: float | None = None,
    ):
        super().__init__(message)
        self.transient = transient
        self.attempts = attempts
        self.retry_after = retry_after


def with_retries(
    send: Callable[[], Answer],
    retries: int,
    backoff: float,
    sleep: Callable[[float], Any] = time.sleep,
) -> Answer:
    """Call `send()` until it answers, at most `retries` times again after transient errors.

    Requests to a model change nothing on the server, so sending one twice does no harm. Waits
    double from `backoff` seconds, each shortened at random by up to a half, so that clients that
    failed together do not come back together. A wait that the server asks for is kept, up to
    `LONGEST_WAIT`; of one that asks for more the error is raised at once.

    Args:
        send: Function without arguments; raises `ServingError`.
        retries: Number of further attempts.
        backoff: First wait in seconds.
        sleep: Function that waits.

    Returns:
        What `send` returns.

    Raises:
        ServingError: The last one, with `attempts` set.
    """
    for attempt in range(retries + 1):
        try:
            return send()
        except ServingError as error:
            error.attempts = attempt + 1
            asked = error.retry_after or 0.0
            if not error.transient or attempt == retries or asked > LONGEST_WAIT:
                raise
        sleep(max(asked, backoff * 2**attempt * random.uniform(0.5, 1.0)))
    raise ValueError(f"`retries` must be 0 or more. Received: retries={retries}")


def check_timeout(timeout: float) -> float:
    """Return `timeout` if it is a positive finite number of seconds, or raise `ValueError`."""
    if not 0 < timeout < float("inf"):
        raise ValueError(f"`timeout` must be a positive number. Received: timeout={timeout}")
    return timeout


def printable(text: str, longest: int = 500) -> str:
    """Text of a server for an error message: cut, on one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text[:longest])
