"""What would have been decided under another catalog: the past, replayed in memory.

`RecordedHistory` is what the store tells of the past. `Replay` goes through it with one catalog: facts come at their
time, `decide` decides on the engine's rows, and its commands are answered as they were in reality, as long after the
command as then. `compare` compares two replays of the same past, so that the same catalog twice gives no difference,
whatever catalogs were in force in between. `reproduce` compares the replay of the unchanged catalog with the commands
of the log.

Nothing is guessed. A deployment that was never made has no outcome, a job that never reported has no result, and
people who were never asked have not answered: from there on the flow is *unknown*. It is taken out of its lanes, so
that it neither stands in the way of other versions nor supersedes them.

Silence lasts as long as it did in reality: a gate that waited for people until its version was superseded has no
answer until then, and an unknown one from then on.

Approvals count from when they were given, or from when the flow came, whichever is later: a looser rule makes no
approval earlier. Reports of jobs, starts and finishes move with the command, those from before it do not.
"""

from deploydb.simulation.compare import Comparison, Difference, compare
from deploydb.simulation.recorded_history import Clock, RecordedHistory
from deploydb.simulation.replay import Replay
from deploydb.simulation.reproduction import Deviation, Reproduction, reproduce

__all__ = [
    "Clock",
    "Comparison",
    "Deviation",
    "Difference",
    "RecordedHistory",
    "Replay",
    "Reproduction",
    "compare",
    "reproduce",
]
