"""The simulated platform: workload, job life cycles, schedules, clock, storage."""
