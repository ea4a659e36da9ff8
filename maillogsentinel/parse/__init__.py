"""From the bytes of a log line to a Failure: pure, no clock and no file."""
