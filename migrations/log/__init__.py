"""The log's schema, version by version."""
