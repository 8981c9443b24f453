"""Simulated devices of drill mode (演练): the same contracts, driven by one bench state file."""
