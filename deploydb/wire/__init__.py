"""Bytes <-> facts and commands. Pure: no I/O, no clock.

This package validates every inbound message: no other package meets a value of the wrong type, a time without a zone or
a NUL. A rejection names the field (`$.artifact.version`) and the remedy.
"""
