"""The schema of the broker's own file, version by version."""
