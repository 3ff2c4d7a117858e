"""Helpers that know nothing of jobs: times, secrets, sanitizing, progress bars, the garbage collector."""
