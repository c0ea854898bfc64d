"""The pure core: what is configured, what happened, what is known, and what follows from it.

`catalog` is the configuration as values, `facts` are what the outside world tells us, `state` is what the facts add up
to, `gates` judge one promotion each, and `decide` puts them together: given a catalog, a situation and the time, it
returns what to do and why. Its three steps are `outcomes` (what came of commands), `exits` (what may leave a stage) and
`doors` (what may enter one); they share one working copy, the `lanes`.

Nothing here reads a clock, an environment variable or a file, so a decision can be replayed years later and a rule can
be tested as a table.
"""
