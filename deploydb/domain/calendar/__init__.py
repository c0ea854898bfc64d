"""Times that recur: windows and recurrence rules."""
