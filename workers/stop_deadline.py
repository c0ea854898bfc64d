"""The limit of a stop: a process that is asked to stop ends within ten seconds, whatever server hangs.

A thread of its own watches: the main one may be in a call to a database or broker that never answers. Ending so is as
harmless as kill -9: nothing was acked that is not durable.
"""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable

from .signals import Signals

END_WITHIN_SECONDS = 7.0
"""Of the ten that are promised: what starts the process, and the machine, may need the others."""
_LOOK_EVERY_SECONDS = 0.2


class Deadline:
    """Ends the process once a stop has taken too long, with exit code 0: the stop was asked for, and it loses nothing.

    `say` is called first, with the reason and the call that hangs.
    """

    def __init__(self, signals: Signals, *, say: Callable[[str], None], seconds: float = END_WITHIN_SECONDS) -> None:
        self._signals = signals
        self._say = say
        self._seconds = seconds
        self._busy: Callable[[], bool] = lambda: False
        threading.Thread(target=self._watch, name="deadline", daemon=True).start()

    def not_while(self, busy: Callable[[], bool]) -> None:
        """Count only from when `busy()` is over, for work that has a limit of its own. Called in another thread."""
        self._busy = busy

    def _watch(self) -> None:
        counted_from: float | None = None
        while True:
            self._signals.listen(_LOOK_EVERY_SECONDS)
            if self._signals.asked_at is None:
                continue
            now = time.monotonic()
            if counted_from is None:
                counted_from = min(self._signals.asked_at, now)
            if self._busy():
                counted_from = now
            elif now - counted_from >= self._seconds:
                self._say(f"ended after {self._seconds:.0f} s without waiting any longer: hangs in {_place()}")
                os._exit(0)


def _place() -> str:
    """The call that the main thread is in."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    if frame is None:
        return "no call"
    ours = [one for one in traceback.extract_stack(frame) if "site-packages" not in one.filename]
    return f"{ours[-1].filename}:{ours[-1].lineno}, {ours[-1].name}" if ours else "a library"
