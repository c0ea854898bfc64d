"""The workshop of the workers' tests."""

from tests.workers.conftest import workshop

__all__ = ["workshop"]
