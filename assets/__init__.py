"""Icons, drill portraits and the build step that fetches the face models."""
