"""The projections of the log: facts folded into the tables that evaluations and queries read."""
