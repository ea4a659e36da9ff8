"""The table of who is at it now, and the terminal that it is drawn on."""
