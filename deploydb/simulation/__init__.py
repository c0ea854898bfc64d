"""What would have been decided under another catalog: the past, replayed in memory.

`RecordedHistory` is what the store tells of the past. `Replay` goes through it with one catalog: facts come at their
time, `domain.evaluation.evaluate` decides, and what it commands is answered as it was in reality, as long after the
command as then. `compare` holds two replays of the same past against each other. Comparing two replays, and not a
replay with what was really decided, is what makes the same catalog twice give no difference, whatever catalogs were in
force in between.

Nothing is guessed. A deployment that was never made has no outcome, a job that never reported has no result, and
people who were never asked have not answered: from there on the flow is *unknown*. It is taken out of its lanes, so
that it neither stands in the way of other versions nor supersedes them.

Approvals count from when they were given, or from when the flow came, whichever is later: a looser rule makes
no approval earlier. Reports of jobs, starts and finishes move with the command.
"""

from deploydb.simulation.compare import Comparison, Difference, compare
from deploydb.simulation.recorded_history import Clock, RecordedHistory
from deploydb.simulation.replay import Replay

__all__ = ["Clock", "Comparison", "Difference", "RecordedHistory", "Replay", "compare"]
