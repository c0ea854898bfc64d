"""Tools over HTTP, by small servers that keep their documented states."""
