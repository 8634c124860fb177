"""One file a feature view."""
