import ipaddress

import pytest

from maillogsentinel.report import this_host


@pytest.mark.parametrize(
    ("full", "short", "name"),
    [
        ("mail.example.org", "mail", "mail.example.org"),
        ("localhost", "mail", "mail"),
        ("localhost.localdomain", "mail", "mail"),
        ("1.0.0.127.in-addr.arpa", "mail", "mail"),
        ("bad name\nX: y", "", "localhost"),
        ("mail", "mail", "mail"),
    ],
)
def test_a_host_without_a_full_name_still_has_a_sender(monkeypatch, full, short, name):
    monkeypatch.setattr(this_host.socket, "getfqdn", lambda: full)
    monkeypatch.setattr(this_host.socket, "gethostname", lambda: short)
    assert this_host.full_host_name() == name


class FakeSocket:
    """A datagram socket of a host that has a way into the world over some families of addresses."""

    def __init__(self, ways, family):
        self.ways, self.family = ways, family

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def connect(self, address):
        assert ipaddress.ip_address(address[0]).is_private  # addresses for documentation, in the registry's sense
        if self.family not in self.ways:
            raise OSError("Network is unreachable")

    def getsockname(self):
        return (self.ways[self.family], 40000)


@pytest.mark.parametrize(
    ("ways", "address"),
    [
        ({"v4": "198.51.100.7", "v6": "2001:db8::7"}, "198.51.100.7"),
        ({"v6": "2001:db8::7"}, "2001:db8::7"),
        ({}, ""),
    ],
)
def test_the_address_is_that_of_the_way_into_the_world(monkeypatch, ways, address):
    families = {this_host.socket.AF_INET: "v4", this_host.socket.AF_INET6: "v6"}
    monkeypatch.setattr(this_host.socket, "socket", lambda family, _: FakeSocket(ways, families[family]))
    assert this_host.host_address() == address
