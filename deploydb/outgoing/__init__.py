"""Requests to addresses that a configuration names: what `workers.verify` asks, and what notifications are sent to.

Whoever writes the configuration, or chooses what a template is filled with, must not reach what only this machine can
reach. So a host name is resolved once, every address of it is checked, and the connection goes to the very address that
was checked: a name that resolves differently a moment later changes nothing. TLS is verified against the name all the
same. No redirect is followed, no proxy is taken from the environment, and an answer has a size and a time.

Where nobody answers, that is a value (`NoAnswer`) and no error: callers say it, and ask again.
"""

from deploydb.outgoing.addresses import Allowed
from deploydb.outgoing.request import Answer, NoAnswer, Outgoing, Request

__all__ = ["Allowed", "Answer", "NoAnswer", "Outgoing", "Request"]
