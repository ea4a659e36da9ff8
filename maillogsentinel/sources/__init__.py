"""Where log lines come from, and how far each source has been read."""
