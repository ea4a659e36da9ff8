"""What is known of an address beyond the log line: reverse DNS, country, AS.

Other programs may use `lookup`; all else in this package may change with any version.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maillogsentinel.enrich.ipinfo import Info

__all__ = ["lookup"]


def lookup(address: str, config_file: str | None = None) -> "Info":
    """Return country and AS of `address`, and which databases of what date said so::

        >>> from maillogsentinel.enrich import lookup
        >>> found = lookup("8.8.8.8")
        >>> found.country_code, found.asn, found.aso
        ('US', 15169, 'Google LLC')

    The databases are those that MailLogSentinel itself uses: they follow from `config_file`, by default the installed
    one, or the defaults where none is installed. They are opened by the first call and kept; new ones are noticed
    within a minute. What no database knows is None. Raises ValueError when `address` is no IP address,
    and `maillogsentinel.errors.UsageError` when the configuration cannot be used.
    """
    # Imported when needed: most that import this package want something else of it.
    from maillogsentinel.enrich import ipinfo

    return ipinfo.lookup(address, config_file)
