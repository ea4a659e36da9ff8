"""One thin module a command: load the configuration, call the workers, print, give the exit status."""
