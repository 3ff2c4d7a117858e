"""Executing a plan: pre-flight checks, batches, read-back, reconciliation, canary waves."""
