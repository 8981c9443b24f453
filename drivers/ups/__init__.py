"""Uninterruptible power supplies, read from a NUT server."""
