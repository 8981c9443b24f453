"""Vendors' libraries for reading cards and opening their photos, each in a process of its own that may be killed."""
