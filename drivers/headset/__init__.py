"""Headsets, seen through the sound server."""
