"""Icons, drill portraits, the conference page, and the build steps that fetch face models and libraries."""
