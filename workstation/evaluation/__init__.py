"""The locked browser that shows the main site and nothing else. Importing this package does not load the engine."""
