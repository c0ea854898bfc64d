"""The questions people ask, one named function each; its docstring says which index answers it.

They read and never write, bypass the domain, and return frozen views. A view's cost follows the size of the answer, not
that of the history.
"""
