"""Plan files: reading, writing and validating a plan as YAML."""
