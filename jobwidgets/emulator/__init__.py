"""An aiWARE job service that runs inside: for demos, tests and anyone without an account.

It is written to the contract alone and imports nothing else of this package.
"""

from jobwidgets.emulator.http.faults import Faults
from jobwidgets.emulator.http.server import Running, serve
from jobwidgets.emulator.options import EmulatorOptions
from jobwidgets.emulator.persistence.state_file import StateError
from jobwidgets.emulator.service import Service
from jobwidgets.emulator.simulation.clock import Clock
from jobwidgets.emulator.simulation.world import Write

__all__ = ["Clock", "EmulatorOptions", "Faults", "Running", "Service", "StateError", "Write", "serve"]
