"""The drawer that shows one job."""
