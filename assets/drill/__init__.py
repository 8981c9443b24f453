"""Pictures of the persons of drill mode; see README.md for where they come from."""
