"""Alerts on their way: what is due is written into the log, mailed, and handed to the command."""
