"""Face verification: does the live face belong to the reference photo? Runs in a child process."""
