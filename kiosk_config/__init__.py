"""Booth configuration: model, loader and the administrator's tool."""
