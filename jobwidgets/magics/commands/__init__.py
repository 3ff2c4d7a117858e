"""The commands of the `%job` magic."""
