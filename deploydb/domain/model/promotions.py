"""The names that no promotion may have: gates of DeployDB's own."""

FREEZE = "freeze"
"""The name under which people of the right groups say yes to passing a freeze."""
INCIDENT = "incident"
"""The name under which an incident counts as a failed gate, where it is configured to."""
RESERVED = (FREEZE, INCIDENT)
