"""Programs that are killed and whose disk loses what was not synced."""
