"""Helpers that tests share: servers, browsers, child processes, sample data."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The root of the checkout."""
