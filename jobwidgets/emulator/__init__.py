"""An aiWARE job service that runs inside: for demos, tests and anyone without an account.

It is written to the contract alone and imports nothing else of this package.
"""

from ._choices import Choices
from ._clock import Clock
from ._faults import Faults
from ._serve import Running, serve
from ._service import Service
from ._state import StateError
from ._world import Write

__all__ = ["Choices", "Clock", "Faults", "Running", "Service", "StateError", "Write", "serve"]
