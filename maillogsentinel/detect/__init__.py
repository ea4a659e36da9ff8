"""What failures and logins amount to: pure functions, values in and findings out, no clock and no file."""
