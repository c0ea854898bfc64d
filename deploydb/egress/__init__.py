"""Requests to addresses that a configuration names: the checks of `workers.verify`, and notifications.

An author of the configuration, or of a value in a template, must not reach internal addresses of this machine. So a
host name is resolved once, all of its addresses are checked, and the connection goes to a checked address. TLS is
verified against the name. No redirect is followed, no proxy of the environment is used, and an answer is bounded in
size and time.

A missing answer is a value (`NoAnswer`) and no error: callers report it, and retry.
"""

from deploydb.domain.model.requests import Answer, NoAnswer, Request
from deploydb.egress.addresses import EgressPolicy
from deploydb.egress.request import Client

__all__ = ["Answer", "Client", "EgressPolicy", "NoAnswer", "Request"]
