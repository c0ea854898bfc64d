"""Python under `faketime --exclude-monotonic`: `time.sleep` by another system call.

Python 3.11 sleeps by `clock_nanosleep` with an absolute time, from which libfaketime 0.9.10 subtracts the offset of a
clock that is not faked, so that each sleep fails with EINVAL (https://github.com/wolfcw/libfaketime/issues/426). With
the monotonic clock faked, each lock with a timeout waits for ever instead (issue 390).
"""

import select
import time


def _sleep(seconds: float) -> None:
    select.select((), (), (), seconds)


time.sleep = _sleep
