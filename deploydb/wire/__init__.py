"""Bytes <-> facts and commands. Pure: no I/O, no clock.

Everything that comes off a wire is refused or understood here, so that nothing past this package meets a value of the
wrong type, a time without a zone or a NUL. A refusal names the field (`$.artifact.version`) and says what to do.
"""
