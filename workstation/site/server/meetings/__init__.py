"""Meetings of projects on a Janus server: rooms, ways in, recordings."""
