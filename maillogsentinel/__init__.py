"""MailLogSentinel: failed SASL logins of Postfix servers, from the log to a CSV and a mailed report."""

__version__ = "1.0.0"
