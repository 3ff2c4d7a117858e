"""`python -m jobwidgets` is `jobwidgets`."""

import sys

from jobwidgets.cli import main

sys.exit(main())
