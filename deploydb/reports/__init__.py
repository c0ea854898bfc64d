"""Reports of deployments to the code host of their commit: a commit status and a deployment there.

A report is a conversation, as with the tools of `orchestrators`, and a row of `notify`, as the calls of webhooks are.
It may be repeated at any time, for a crash or a lost answer: the code host is asked for its deployment before one is
created, and the same status again changes nothing.
"""
