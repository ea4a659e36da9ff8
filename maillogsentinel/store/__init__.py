"""The committed record of what was read: state.db and the CSV."""
