"""What the operating system, or a person at the keyboard, asks of a process."""

import os
import select
import signal
import time
from collections.abc import Callable

_SLICE_SECONDS = 0.1


class Signals:
    """SIGTERM and SIGINT ask to stop, SIGHUP to read the configuration again.

    A handler only sets a flag. It runs between any two instructions of the main thread, and a lock that it took
    (`threading.Event.set` takes one) could be the one that the main thread holds.
    """

    def __init__(self) -> None:
        self._stops = 0
        self._hangups = 0
        self.asked_at: float | None = None
        """When it was last asked to stop (monotonic)."""
        self._wakeup: int | None = None

    def install(self) -> None:
        """Listen from now on. Main thread only."""
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        signal.signal(signal.SIGINT, lambda *_: self.stop())
        signal.signal(signal.SIGHUP, lambda *_: self.hang_up())
        self._wakeup, written = os.pipe()
        os.set_blocking(written, False)
        signal.set_wakeup_fd(written, warn_on_full_buffer=False)

    def listen(self, seconds: float) -> None:
        """Sleep, and note a request to stop as soon as it comes. For another thread than the main one, whose handlers
        wait for the end of the call that it is in."""
        if self._wakeup is None:
            time.sleep(seconds)
        elif select.select([self._wakeup], [], [], seconds)[0]:
            came = os.read(self._wakeup, 4096)
            if self.asked_at is None and (signal.SIGTERM in came or signal.SIGINT in came):
                self.asked_at = time.monotonic()

    @property
    def stopping(self) -> bool:
        """Asked to stop: take nothing more, finish what is begun."""
        return self._stops > 0

    @property
    def force_stop(self) -> bool:
        """Asked to stop a second time: do not wait for what is begun either."""
        return self._stops > 1

    def gives_up(self, grace: float) -> bool:
        """Whether what is begun has had its time, in seconds, since the request to stop; or a second one came."""
        return self.force_stop or (self.asked_at is not None and time.monotonic() > self.asked_at + grace)

    def stop(self) -> None:
        """Ask to stop."""
        self.asked_at = time.monotonic()
        self._stops += 1

    def hang_up(self) -> None:
        """Ask to read the configuration again."""
        self._hangups += 1

    def reload_requested(self) -> bool:
        """Whether SIGHUP has come since the last look."""
        came, self._hangups = self._hangups > 0, 0
        return came

    def pause(self, seconds: float, until: Callable[[], bool] | None = None) -> None:
        """Sleep, in slices: not past `until()` becoming true (default: being asked to stop)."""
        over = until or (lambda: self.stopping)
        end = time.monotonic() + seconds
        while not over() and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE_SECONDS))
