"""What this host is called, and where it is."""

import re
import socket


def full_host_name() -> str:
    """Return this host's full name, or the best there is of it; it can stand behind the @ of an address."""
    name = socket.getfqdn()
    # An address turned round or localhost is what a machine without a name of its own is told.
    if "." not in name or name.startswith("localhost") or name.endswith(".arpa"):
        name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", name) else "localhost"


def host_address() -> str:
    """Return the address that this host's packets to the world leave with; empty when it has no way there."""
    for family, outside in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        # Connecting a datagram socket picks the way and the address; nothing is sent.
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as way:
                way.connect((outside, 9))
                return str(way.getsockname()[0])
        except OSError:
            continue
    return ""
