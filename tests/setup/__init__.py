"""Tests of maillogsentinel.setup, file by file."""
