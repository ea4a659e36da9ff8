"""This host's own addresses are found without a process or a query."""

import json
import shutil
import subprocess

import pytest

from maillogsentinel.export.own import own_addresses


def test_they_are_those_that_ip_shows():
    if not shutil.which("ip"):
        pytest.skip("install the Debian package iproute2")
    shown = json.loads(subprocess.run(["ip", "-json", "address"], capture_output=True, check=True).stdout)
    wanted = {one["local"] for interface in shown for one in interface["addr_info"]}
    assert set(own_addresses([], hosts="/dev/null")) - {"127.0.0.0/8"} == wanted


@pytest.mark.root
def test_those_of_every_interface_count_also_point_to_point_and_secondary_ones():
    script = """
        ip link set lo up; ip link add name t0 type veth peer name t1; ip link set t0 up; ip link set t1 up
        ip address add 203.0.113.9/24 dev t0; ip address add 203.0.113.10/24 dev t0
        ip address add 198.51.100.1/31 dev t0
        ip address add 192.0.2.1 peer 192.0.2.99 dev t0; ip -6 address add 2001:db8:7::9/64 dev t0 nodad
        ip route add local 192.0.2.64/28 dev lo; ip route add 192.0.2.128/25 via 203.0.113.1
        /usr/bin/python3 -c 'from maillogsentinel.export.own import own_addresses as own
print(*own([], hosts="/dev/null"))'
    """
    if not shutil.which("unshare"):
        pytest.skip("install the Debian package util-linux")
    done = subprocess.run(["unshare", "-n", "sh", "-ec", script], capture_output=True, text=True)
    if "unshare failed" in done.stderr or "not supported" in done.stderr.lower():
        pytest.skip(f"no network namespace: {done.stderr}")
    assert done.stderr == ""
    found = {address for address in done.stdout.split() if not address.startswith("fe80:")}
    assert found == {
        "127.0.0.1", "::1", "203.0.113.9", "203.0.113.10", "198.51.100.1", "192.0.2.1", "2001:db8:7::9",
        "127.0.0.0/8", "192.0.2.64/28",
    }  # fmt: skip


def test_what_the_hosts_file_gives_its_names_is_its_own(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_bytes(
        b"# 203.0.113.1 mail.example.org\n203.0.113.2 other MAIL.example.org # x\n2001:db8::2\tmail.example.org\n"
        b"not-an-address mail.example.org\n203.0.113.3 mail.example.organic\n\xff\x00 mail.example.org\n\n203.0.113.4\n"
    )
    found = own_addresses(["mail.Example.org", "203.0.113.200"], str(tmp_path), str(hosts))
    assert found == ["203.0.113.2", "2001:db8::2", "203.0.113.200"]


def test_where_nothing_can_be_read_nothing_is_found(tmp_path):
    assert own_addresses(["mx"], str(tmp_path), str(tmp_path / "hosts")) == []
