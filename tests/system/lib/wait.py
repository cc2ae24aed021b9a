# SPDX-License-Identifier: Apache-2.0
"""Waiting for conditions.  No test sleeps for a fixed time: it waits until something is true."""

import time


class WaitTimeout(AssertionError):
    """The condition did not become true in time."""


def wait_until(cond, timeout=10.0, what="", interval=0.01):
    """Call cond() until it returns something true and return that.

    An AssertionError inside cond() counts as "not yet"; the last one is shown on failure.  @what
    may be a function that says, at that moment, what was waited for.  The pause between two calls
    grows from @interval to 0.1 s.
    """
    end = time.monotonic() + timeout
    last = None
    pause = interval
    while True:
        try:
            value = cond()
            if value:
                return value
            last = value
        except AssertionError as exc:
            last = exc
        left = end - time.monotonic()
        if left <= 0:
            what = what() if callable(what) else what
            raise WaitTimeout(f"not true within {timeout} s: {what or cond!r}; last: {last!r}")
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, 0.1)
