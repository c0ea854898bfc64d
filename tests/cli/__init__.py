"""The command line, run as people and scripts run it: in a process, by its streams and its exit code."""
