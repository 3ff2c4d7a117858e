"""Saving the state of the embedded service in a file, and restoring it."""
