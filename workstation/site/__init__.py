"""The way to the site server: wire models, client, outbox, and the server itself."""
