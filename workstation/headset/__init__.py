"""The sound check (试音): can the expert hear, and be heard? A child process, ended at any moment."""
