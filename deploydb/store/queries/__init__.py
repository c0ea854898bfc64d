"""The questions people ask, one named function each; its docstring says what for, and which index answers it.

They read and never write, bypass the domain, and return frozen views: what is shown is not what is decided on. Each
takes an open connection, so that one answer may be made of several of them. What they cost follows the size of the
answer and of what is open, not that of the past; where it does not, the docstring says what it follows.

Nothing here knows the catalog: names come in as they were asked for, and an unknown one is an empty answer.
"""
