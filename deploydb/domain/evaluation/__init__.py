"""One evaluation of a service: reconciliation, exit gates, failure policy, admission; `evaluate` puts them together."""
