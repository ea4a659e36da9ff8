"""Tests of maillogsentinel.report, file by file."""
