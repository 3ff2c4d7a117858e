"""`python -m jobwidgets.emulator`: the embedded service as a process."""

import sys

from jobwidgets.emulator.http.server import main

sys.exit(main())
