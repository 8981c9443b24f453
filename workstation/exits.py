"""The exit codes the watchdog goes by (BSD sysexits.h)."""

EXIT_RESTART = 70
"""EX_SOFTWARE: something unforeseen; a fresh start is asked for."""
EXIT_AFRESH = 75
"""EX_TEMPFAIL: a visit is over, and the next one gets a new process. Never leaves the program where it can exec."""
EXIT_CONFIG = 78
"""EX_CONFIG: the configuration or the way of starting cannot be used; starting again does not help."""
