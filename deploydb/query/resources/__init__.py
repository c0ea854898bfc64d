"""One module for each noun: what answers its paths, and `ROUTES`, which of them answers which path.

A path with a fixed word stands above the one that would take the word for an id.
"""
