"""What a report says where detectors had nothing to work on."""

NO_LOGINS = (
    "Logins after failures were not looked for: a CSV has no successful logins; reports on the server's own state.db"
    " show them."
)
LOGINS_OFF = "Logins after failures were not looked for: [logins] remember = no."
NO_HISTORY = "Bursts were not looked for: fewer than 7 earlier days were covered to compare with."
NO_HISTORY_IN_CSV = "Bursts were not looked for: a CSV does not tell which hours were covered."
OF_A_CSV = (NO_LOGINS, NO_HISTORY_IN_CSV)
NOT_YET = "Not all logins were looked at yet: report --due does that, and extract does unless [alerts] enabled = no."
ALWAYS_SAID = frozenset((*OF_A_CSV, NOT_YET))
"""What the text form says also where nothing was found, lest that be taken for all clear."""
