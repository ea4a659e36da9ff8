"""The errors that end a run. ``str()`` of each is the sentence the admin reads: what happened, where, what to do."""


class MailLogSentinelError(Exception):
    """The run failed; exit status 1."""

    exit_status = 1


class UsageError(MailLogSentinelError):
    """The command line or the configuration is wrong; exit status 2."""

    exit_status = 2


class LockedError(MailLogSentinelError):
    """Another run holds the lock; exit status 75 (EX_TEMPFAIL of sysexits.h)."""

    exit_status = 75


class SourceError(MailLogSentinelError):
    """A log cannot be read; what other logs said is kept."""


class StoreError(MailLogSentinelError):
    """state.db or the CSV cannot be read or written."""


class DeliveryError(MailLogSentinelError):
    """A mail could not be handed over; it stays due."""


class SetupError(MailLogSentinelError):
    """The wizard could not write its answers; nothing was changed."""
