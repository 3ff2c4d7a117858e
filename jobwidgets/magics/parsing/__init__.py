"""Parsing what is typed after `%job`."""
