"""The outcomes by which a history is filtered."""

from typing import Literal, get_args

HistoryOutcome = Literal["success", "failed", "skipped", "open", "rollback"]
"""`open`: commanded, and neither success nor failed yet; `rollback`: rollbacks, whatever came of them."""
HISTORY_OUTCOMES: tuple[HistoryOutcome, ...] = get_args(HistoryOutcome)
