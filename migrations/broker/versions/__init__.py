"""The versions of the broker's schema."""
