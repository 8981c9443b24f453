"""Device drivers: bytes and blocking calls. No Qt, nothing of the application."""
