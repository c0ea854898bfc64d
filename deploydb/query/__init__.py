"""The read-only HTTP service: the v1 interface's reads to the letter, and DeployDB's own beside it under `/api`.

It has no way to write: it asks the named questions of `store.queries` and shapes the answers. `resources` has a module
for each noun; `conventions` is what all of them share (who may ask how, pages, errors), so that no resource repeats it.
"""
