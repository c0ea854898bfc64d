"""What GitHub publishes of its own interface. `tests/install-octokit` downloads it."""
