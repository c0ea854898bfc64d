"""The store's semantics in memory, and `decide` run forward on it. See docs/architecture.md."""
