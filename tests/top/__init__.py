"""Tests of the table of who is at it now."""
