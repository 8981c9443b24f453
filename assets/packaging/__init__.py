"""What turns a checkout into a Debian package: the bundle, its licences, the package, and its check."""
