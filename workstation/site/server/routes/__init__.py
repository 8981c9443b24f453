"""The HTTP face of the site server, one file per caller."""
