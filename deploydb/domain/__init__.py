"""The pure core: the configuration as values, facts, the state that they add up to, and the decisions that follow.

- `model`       artifacts, deployments, facts, the catalog, evidence, overrides, commands, errors
- `gates`       one module a type of promotion: its verdict on one deployment
- `evaluation`  one evaluation of a service: `evaluate.decide` runs reconciliation, exit gates, failure policy and
admission
- `calendar`    windows and recurrence rules

Nothing here reads a clock, an environment variable or a file, so a decision can be replayed years later and a rule can
be tested as a table.
"""
