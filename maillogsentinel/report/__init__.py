"""From committed records to a summary, its renderings, and the mail."""
