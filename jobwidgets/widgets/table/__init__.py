"""`JobTable`: a virtual table of jobs with selection, sorting and filters."""
