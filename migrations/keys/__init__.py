"""The keys' schema, version by version."""
