"""Tests of maillogsentinel/anonymize."""
