"""One-page papers for the wall and the file: a pre-flight of one booth, the pre-flights of a site."""
