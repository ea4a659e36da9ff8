"""Tests of what other programs get."""
