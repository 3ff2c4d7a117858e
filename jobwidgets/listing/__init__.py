"""Reading jobs: pages, concurrent readers, statuses, details, schedules."""
