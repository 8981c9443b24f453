# The part of pulsectl's libpulse binding that leaks through its public calls.

from ctypes import Structure

class POLLFD(Structure):
    fd: int
    events: int
    revents: int

class LibPulse:
    class CallError(Exception): ...
