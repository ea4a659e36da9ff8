"""The wizard: asks a few questions, checks the answers as the service user, and writes them into a file."""
