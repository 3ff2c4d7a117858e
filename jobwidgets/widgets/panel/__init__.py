"""`JobPanel`: the stages of an action around a `JobTable`."""
