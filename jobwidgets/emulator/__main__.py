"""`python -m jobwidgets.emulator`: the embedded service as a process."""

import sys

from ._serve import main

sys.exit(main())
