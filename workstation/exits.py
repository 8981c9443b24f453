"""The exit codes the watchdog goes by (BSD sysexits.h)."""

EXIT_RESTART = 70
"""EX_SOFTWARE: something unforeseen; a fresh start is asked for."""
EXIT_CONFIG = 78
"""EX_CONFIG: the configuration or the way of starting cannot be used; starting again does not help."""
