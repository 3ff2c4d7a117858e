"""The write-ahead journal of an operation: records, state, the single-writer lock, the files."""
