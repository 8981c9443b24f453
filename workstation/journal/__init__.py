"""The booth's record: a hash-chained event log that survives a power cut, and the restart record beside it."""
