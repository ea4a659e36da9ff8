"""A package, since tests/e2e has a test_postfix, too."""
