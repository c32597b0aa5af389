"""What goes wrong between client and server, and whether to try again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class ServingError(RuntimeError):
    """A request was not answered.

    Attributes:
        transient: Whether the same request may succeed later (server busy, not there, too slow).
        attempts: How often it was sent.
    """

    def __init__(self, message: str, transient: bool = False, attempts: int = 1):
        super().__init__(message)
        self.transient = transient
        self.attempts = attempts


def with_retries(
    send: Callable[[], Answer],
    retries: int,
    backoff: float,
    sleep: Callable[[float], Any] = time.sleep,
) -> Answer:
    """Call `send()` until it answers, at most `retries` times again after transient errors.

    Requests to a model change nothing on the server, so sending one twice does no harm. Waits
    double from `backoff` seconds, each shortened at random by up to a half, so that clients that
    failed together do not come back together.

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
            if not error.transient or attempt == retries:
                raise
        sleep(backoff * 2**attempt * random.uniform(0.5, 1.0))
    raise ValueError(f"`retries` must be 0 or more. Received: retries={retries}")
