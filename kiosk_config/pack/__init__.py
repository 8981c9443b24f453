"""Main-site environment packs (主场环境包): what a booth must know of one main site, signed."""
