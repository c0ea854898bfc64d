"""One module for each noun: what answers its paths, and `RESOURCES`, which declare them.

A path with a fixed word stands above the one that would take the word for an id.
"""
