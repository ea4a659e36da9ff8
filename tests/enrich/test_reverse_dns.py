import contextlib
import errno
import logging
import os
import resource
import socket
import subprocess
import sys
import threading
import time

import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest
from dns_server import DnsServer, by_last_byte

from maillogsentinel import config, options
from maillogsentinel.enrich import reverse_dns
from maillogsentinel.enrich.reverse_dns import Answer, Resolver

pytestmark = pytest.mark.slow


class DictCache:
    """What the SQLite cache promises, in a dict: within a run every answer that was put comes back."""

    def __init__(self):
        self.answers = {}
        self.asked = []

    def get(self, addresses):
        self.asked += addresses
        return {address: self.answers[address] for address in addresses if address in self.answers}

    def put(self, answers):
        self.answers.update(answers)


def settings(**given):
    values = {option: option.parse(option.default) for option in options.OPTIONS}
    values[options.DNS_TIMEOUT] = 0.5
    values[options.DNS_BUDGET] = 10.0
    values.update({getattr(options, name): value for name, value in given.items()})
    return config.Config(values, {}, [])


@contextlib.contextmanager
def serving(behave, host="127.0.0.1", port=0):
    server = DnsServer(behave, host, port)
    try:
        yield server
    finally:
        server.close()


def ask(server, *addresses, cache=None, **given):
    given = {"DNS_SERVERS": (server.host,), "DNS_PORT": server.port, **given}
    return Resolver(settings(**given), cache if cache is not None else DictCache()).resolve(addresses)


def reply_with(**behaviours):
    """A server for one behaviour, at 192.0.2.1."""
    return serving(by_last_byte({1: behaviours["reply"]}))


def test_a_name_comes_back_without_the_dot_at_its_end():
    with serving(by_last_byte({})) as server:
        assert ask(server, "192.0.2.7") == {"192.0.2.7": Answer("host7.example.test", "OK", 60)}


def test_both_families_are_asked_about():
    with serving(by_last_byte({})) as server:
        answers = ask(server, "192.0.2.7", "2001:db8::9")
    assert [answers[a].hostname for a in ("192.0.2.7", "2001:db8::9")] == ["host7.example.test", "host9.example.test"]


def test_a_server_is_reached_over_ipv6():
    try:
        manager = serving(by_last_byte({}), host="::1")
        with manager as server:
            assert ask(server, "192.0.2.7")["192.0.2.7"].status == "OK"
    except OSError:
        pytest.skip("this machine has no IPv6 loopback address")


@pytest.mark.parametrize(
    ("code", "status", "keep"),
    [
        (dns.rcode.NXDOMAIN, "Errno 1", 3600),
        (dns.rcode.SERVFAIL, "Errno 2", 300),
        (dns.rcode.REFUSED, "Errno 3", 300),
        (dns.rcode.FORMERR, "Errno 3", 300),
        (dns.rcode.NOTIMP, "Errno 3", 300),
        (dns.rcode.NOERROR, "Errno 4", 300),
    ],
)
def test_each_response_code_has_its_errno_and_its_time_to_keep(code, status, keep):
    with reply_with(reply=lambda asked: asked.code(code)) as server:
        assert ask(server, "192.0.2.1")["192.0.2.1"] == Answer(None, status, keep)
        assert server.counts["192.0.2.1"] == 1


def test_a_refusal_without_the_question_is_an_answer():
    def reply(asked):
        return asked.wire[:2] + b"\x81\x05" + bytes(8)

    with reply_with(reply=reply) as server:
        assert ask(server, "192.0.2.1")["192.0.2.1"].status == "Errno 3"
        assert server.counts["192.0.2.1"] == 1


def test_the_time_to_keep_is_the_smaller_of_the_records_and_ours():
    def reply(asked):
        return asked.ptr("a.example.test", ttl={1: 5, 2: 100_000_000, 3: 0}[int(asked.address[-1])]).to_wire()

    with serving(reply) as server:
        answers = ask(server, "192.0.2.1", "192.0.2.2", "192.0.2.3", CACHE_TTL=1000)
    assert [answer.keep for answer in answers.values()] == [5, 1000, 0]


def test_a_ttl_with_the_highest_bit_set_counts_as_zero():
    def reply(asked):
        wire = bytearray(asked.ptr("a.example.test", ttl=0x7FFFFFFF).to_wire())
        at = wire.index(b"\x7f\xff\xff\xff")
        wire[at : at + 4] = b"\xff\xff\xff\xff"
        return bytes(wire)

    with reply_with(reply=reply) as server:
        assert ask(server, "192.0.2.1")["192.0.2.1"] == Answer("a.example.test", "OK", 0)


def test_an_alias_of_classless_delegation_is_followed_within_the_answer():
    def reply(asked):
        alias = dns.name.from_text("1.0-127.2.0.192.in-addr.arpa")
        message = dns.message.make_response(asked.query)
        message.answer.append(dns.rrset.from_text(asked.name, 30, "IN", "CNAME", alias.to_text()))
        message.answer.append(dns.rrset.from_text(alias, 600, "IN", "PTR", "delegated.example.test."))
        return message.to_wire()

    with reply_with(reply=reply) as server:
        assert ask(server, "192.0.2.1")["192.0.2.1"] == Answer("delegated.example.test", "OK", 30)


def test_an_alias_that_leads_to_itself_ends():
    def reply(asked):
        message = dns.message.make_response(asked.query)
        message.answer.append(dns.rrset.from_text(asked.name, 30, "IN", "CNAME", asked.name.to_text()))
        return message.to_wire()

    with reply_with(reply=reply) as server:
        assert ask(server, "192.0.2.1")["192.0.2.1"].status == "Errno 3"


def test_a_ptr_record_of_another_name_is_no_answer():
    def reply(asked):
        message = dns.message.make_response(asked.query)
        message.answer.append(dns.rrset.from_text("2.2.0.192.in-addr.arpa.", 30, "IN", "PTR", "other.example.test."))
        return message.to_wire()

    with reply_with(reply=reply) as server:
        assert ask(server, "192.0.2.1")["192.0.2.1"].status == "Errno 4"


def test_the_first_of_forty_names_counts():
    def reply(asked):
        return asked.ptr(*(f"h{n}.example.test" for n in range(40))).to_wire()

    with reply_with(reply=reply) as server:
        assert ask(server, "192.0.2.1")["192.0.2.1"].hostname == "h0.example.test"


def test_of_thousands_of_records_only_the_first_are_taken_apart(monkeypatch):
    from maillogsentinel.enrich import dns_wire

    taken = []
    take = dns.rdata.from_wire_parser
    monkeypatch.setattr(dns.rdata, "from_wire_parser", lambda *given: taken.append(1) or take(*given))
    sent = dns_wire.query(dns_wire.question("192.0.2.1"))
    record = b"\xc0\x0c\x00\x0c\x00\x01\x00\x00\x00\x3c\x00\x06\x03%03d\xc0\x0c"
    records = [record % (n % 1000) for n in range(3300)]
    received = sent[:2] + b"\x81\x80\x00\x01" + (3300).to_bytes(2, "big") + bytes(4) + sent[12:] + b"".join(records)
    assert dns_wire.read(received).hostname == "000.1.2.0.192.in-addr.arpa"
    assert len(taken) <= 50


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ([b"=cmd|'x'", b"\x1b[31m<b>", b"test"], "=cmd|'x'.\\x1B[31m<b>.test"),
        ([b"a\nb\r", b"c\x00d"], "a\\x0Ab\\x0D.c\\x00d"),
        ([b"back\\slash", b'quo"te;$@()'], 'back\\\\slash.quo"te;$@()'),
        (["rtl\u202egpj".encode(), b"\xff\xfe"], "rtl\\u202Egpj.\\xFF\\xFE"),
        (["bücher".encode(), b"test"], "bücher.test"),
        ([b"x" * 63, b"y" * 63, b"z" * 63, b"w" * 61], ".".join(("x" * 63, "y" * 63, "z" * 63, "w" * 61))),
    ],
)
def test_a_hostile_name_is_made_safe_from_its_own_bytes(labels, shown):
    name = dns.name.Name([*labels, b""])
    with reply_with(reply=lambda asked: asked.ptr(name).to_wire()) as server:
        assert ask(server, "192.0.2.1")["192.0.2.1"] == Answer(shown, "OK", 60)


def test_an_empty_name_counts_as_no_name():
    with reply_with(reply=lambda asked: asked.ptr(dns.name.root).to_wire()) as server:
        assert ask(server, "192.0.2.1")["192.0.2.1"] == Answer(None, "Errno 4", 300)


def test_an_answer_that_did_not_fit_is_asked_for_over_tcp():
    def reply(asked):
        message = asked.ptr(*(f"{'x' * 50}{n}.example.test" for n in range(200 if asked.over_tcp else 1)))
        if asked.over_tcp:
            return message.to_wire()
        message.flags |= dns.flags.TC
        return message.to_wire()[:-9]  # cut in the middle of a record, as some servers do

    with reply_with(reply=reply) as server:
        assert ask(server, "192.0.2.1")["192.0.2.1"].hostname == "x" * 50 + "0.example.test"
        assert (server.counts["192.0.2.1"], server.tcp_counts["192.0.2.1"]) == (1, 1)


def test_a_tcp_server_that_says_nothing_is_given_up_in_time():
    def reply(asked):
        if asked.over_tcp:
            return None
        message = asked.ptr("a.example.test")
        message.flags |= dns.flags.TC
        return message.to_wire()

    with reply_with(reply=reply) as server:
        answer = ask(server, "192.0.2.1", DNS_TIMEOUT=0.3)["192.0.2.1"]
        assert answer == Answer(None, "Errno 2", 300), "keep is 0 when the budget had to end it"


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(lambda wire: b"", id="empty datagram"),
        pytest.param(lambda wire: b"\xff" * 40, id="random bytes"),
        pytest.param(lambda wire: wire[:2] + b"\xff" * 40, id="our id and random bytes"),
        pytest.param(lambda wire: wire[:2] + b"\x81\x80\x00\x01\x00\x09" + wire[8:], id="fewer records than it says"),
        pytest.param(
            lambda wire: wire[:2] + b"\x81\x80\x00\x01\x00\x01" + bytes(4) + wire[12:] + b"\xc0\xff\x00\x0c",
            id="pointer to nowhere",
        ),
    ],
)
def test_a_broken_answer_is_errno_3(garbage):
    with reply_with(reply=lambda asked: garbage(asked.wire)) as server:
        assert ask(server, "192.0.2.1", DNS_TIMEOUT=0.2)["192.0.2.1"] == Answer(None, "Errno 3", 300)


def test_forged_answers_do_not_end_a_query():
    """Another id, another question, no answer bit, another port: each would name the address, none may."""

    def reply(asked):
        good = asked.ptr("forged.example.test").to_wire()
        other_id = bytes((good[0] ^ 1,)) + good[1:]
        not_an_answer = good[:2] + bytes((good[2] & 0x7F,)) + good[3:]
        other_question = good[:13] + b"9" + good[14:]
        for forged in (other_id, not_an_answer, other_question):
            asked.server.udp.socket.sendto(forged, asked.client)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other_port:
            other_port.bind((asked.server.host, 0))
            other_port.sendto(good, asked.client)
        time.sleep(0.1)
        return asked.ptr("genuine.example.test").to_wire()

    with reply_with(reply=reply) as server:
        assert ask(server, "192.0.2.1")["192.0.2.1"] == Answer("genuine.example.test", "OK", 60)
        assert server.counts["192.0.2.1"] == 1


def test_only_forged_answers_are_as_good_as_silence():
    def reply(asked):
        good = asked.ptr("forged.example.test").to_wire()
        return bytes((good[0] ^ 1,)) + good[1:]

    with reply_with(reply=reply) as server:
        assert ask(server, "192.0.2.1", DNS_TIMEOUT=0.2)["192.0.2.1"] == Answer(None, "Errno 2", 300)


def test_ids_and_ports_cannot_be_foreseen():
    addresses = [f"192.0.2.{n}" for n in range(100)]
    with serving(by_last_byte({})) as server:
        ask(server, *addresses)
    assert len(server.clients) > 90
    assert len(server.ids) > 90
    in_order = sorted(int.from_bytes(each, "big") for each in server.ids)
    assert in_order[-1] - in_order[0] > 20_000


def test_an_answer_that_comes_late_but_in_time_counts():
    def reply(asked):
        time.sleep(0.3)
        return asked.ptr("slow.example.test").to_wire()

    with reply_with(reply=reply) as server:
        assert ask(server, "192.0.2.1", DNS_TIMEOUT=1.5)["192.0.2.1"].hostname == "slow.example.test"


def test_a_silent_server_is_tried_twice():
    with serving(lambda asked: None) as server:
        assert ask(server, "192.0.2.1", DNS_TIMEOUT=0.1)["192.0.2.1"] == Answer(None, "Errno 2", 300)
        assert server.counts["192.0.2.1"] == 2


def test_a_lost_datagram_costs_a_second_try_and_not_the_name():
    def reply(asked):
        return None if asked.server.counts[asked.address] == 1 else asked.ptr("a.example.test").to_wire()

    with reply_with(reply=reply) as server:
        assert ask(server, "192.0.2.1", DNS_TIMEOUT=0.2)["192.0.2.1"].status == "OK"


@contextlib.contextmanager
def two_servers(first, second):
    """Two servers on one port of two loopback addresses."""
    with serving(first) as one, serving(second, host="127.0.0.2", port=one.port) as two:
        yield one, two


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(lambda asked: None, id="silent"),
        pytest.param(lambda asked: asked.code(dns.rcode.SERVFAIL), id="SERVFAIL"),
        pytest.param(lambda asked: asked.code(dns.rcode.REFUSED), id="REFUSED"),
    ],
)
def test_the_second_server_is_asked_when_the_first_one_cannot_say(first):
    with two_servers(first, by_last_byte({})) as (one, two):
        answers = ask(one, "192.0.2.7", DNS_SERVERS=("127.0.0.1", "127.0.0.2"), DNS_TIMEOUT=0.3)
        assert answers["192.0.2.7"].status == "OK"
        assert (one.counts["192.0.2.7"], two.counts["192.0.2.7"]) == (1, 1)


def test_the_second_server_is_not_asked_when_the_first_one_says_no_such_host():
    with two_servers(lambda asked: asked.code(dns.rcode.NXDOMAIN), by_last_byte({})) as (one, two):
        answers = ask(one, "192.0.2.7", DNS_SERVERS=("127.0.0.1", "127.0.0.2"))
        assert answers["192.0.2.7"].status == "Errno 1"
        assert not two.counts


def test_what_the_first_server_said_counts_when_no_other_knows_better():
    with two_servers(lambda asked: asked.code(dns.rcode.REFUSED), lambda asked: None) as (one, _):
        answers = ask(one, "192.0.2.7", DNS_SERVERS=("127.0.0.1", "127.0.0.2"), DNS_TIMEOUT=0.2)
        assert answers["192.0.2.7"] == Answer(None, "Errno 3", 300)


def test_a_server_that_stays_silent_is_asked_last():
    addresses = [f"192.0.2.{n}" for n in range(1, 61)]
    with two_servers(lambda asked: None, by_last_byte({})) as (one, two):
        answers = ask(one, *addresses, DNS_SERVERS=("127.0.0.1", "127.0.0.2"), DNS_TIMEOUT=0.2, DNS_IN_FLIGHT=10)
        assert {answer.status for answer in answers.values()} == {"OK"}
        assert sum(one.counts.values()) < 30
        assert sum(two.counts.values()) == 60


@pytest.mark.parametrize("timeout", [0.4, 30.0])
def test_a_silent_server_costs_no_more_than_the_budget(timeout):
    addresses = [f"198.51.100.{n}" for n in range(256)]
    with serving(lambda asked: None) as server:
        resolver = Resolver(
            settings(
                DNS_SERVERS=("127.0.0.1",), DNS_PORT=server.port, DNS_TIMEOUT=timeout, DNS_BUDGET=1.0, DNS_IN_FLIGHT=20
            ),
            DictCache(),
        )
        begin = time.monotonic()
        answers = resolver.resolve(addresses)
        assert time.monotonic() - begin < 3
        assert list(answers) == addresses
        assert {answer.status for answer in answers.values()} == {"Errno 2"}
        assert answers[addresses[0]].keep == (300 if timeout < 1 else 0)
        assert answers[addresses[-1]].keep == 0

        asked = sum(server.counts.values())
        begin = time.monotonic()
        assert resolver.resolve(["192.0.2.1"]) == {"192.0.2.1": Answer(None, "Errno 2", 0)}
        assert time.monotonic() - begin < 0.5, "the budget holds over all calls of a run"
        assert sum(server.counts.values()) == asked


def test_the_first_addresses_are_asked_about_when_time_is_short():
    addresses = [f"198.51.100.{n}" for n in range(100)]
    with serving(lambda asked: None) as server:
        ask(server, *addresses, DNS_TIMEOUT=5.0, DNS_BUDGET=0.5, DNS_IN_FLIGHT=10)
        assert set(server.counts) == set(addresses[:10])


def test_answers_come_from_the_cache_even_without_a_budget():
    cache = DictCache()
    cache.put({"192.0.2.1": Answer("kept.example.test", "OK", 60)})
    with serving(by_last_byte({})) as server:
        answers = ask(server, "192.0.2.1", "192.0.2.2", cache=cache, DNS_BUDGET=0.0)
        assert not server.counts
    assert answers == {"192.0.2.1": cache.answers["192.0.2.1"], "192.0.2.2": Answer(None, "Errno 2", 0)}
    assert "192.0.2.2" not in cache.answers


@pytest.mark.parametrize("code", [dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL, None])
def test_an_address_is_asked_about_once_in_a_run(code):
    cache = DictCache()

    def reply(asked):
        return asked.ptr("a.example.test", ttl=0).to_wire() if code is None else asked.code(code)

    with reply_with(reply=reply) as server:
        resolver = Resolver(settings(DNS_SERVERS=("127.0.0.1",), DNS_PORT=server.port), cache)
        first = resolver.resolve(["192.0.2.1"])
        assert resolver.resolve(["192.0.2.1"]) == first
        assert server.counts["192.0.2.1"] == 1


def test_nothing_is_asked_when_turned_off_or_offline():
    with serving(by_last_byte({})) as server:
        given = {"DNS_SERVERS": (server.host,), "DNS_PORT": server.port}
        for resolver in (
            Resolver(settings(DNS_ENABLED=False, **given), DictCache()),
            Resolver(settings(**given), DictCache(), offline=True),
        ):
            assert resolver.resolve(["192.0.2.1"]) == {"192.0.2.1": Answer(None, "Skipped", 0)}
        assert not server.counts


PRIVATE = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.3.4", "100.64.1.1", "0.0.0.0", "224.0.0.1"),
    *("192.0.2.1", "198.51.100.1", "203.0.113.1", "255.255.255.255", "240.0.0.1", "198.18.0.1"),
    *("::1", "fe80::1", "fd00::1", "2001:db8::1", "ff02::1", "::", "::ffff:10.0.0.1"),
]


def test_the_servers_of_the_system_are_not_asked_about_private_addresses(tmp_path, monkeypatch):
    with serving(by_last_byte({})) as server:
        resolv_conf = tmp_path / "resolv.conf"
        resolv_conf.write_text("nameserver 127.0.0.1\n")
        monkeypatch.setattr(reverse_dns, "RESOLV_CONF", str(resolv_conf))
        answers = ask(server, *PRIVATE, "8.8.8.7", "2a00:1450::7", "::ffff:8.8.4.7", DNS_SERVERS=())
        assert {answers[address] for address in PRIVATE} == {Answer(None, "Skipped", 0)}
        assert {answers[a].hostname for a in answers if a not in PRIVATE} == {"host7.example.test"}
        assert set(server.counts) == {"8.8.8.7", "2a00:1450::7", "8.8.4.7"}


def test_own_servers_are_asked_about_private_addresses():
    with serving(by_last_byte({})) as server:
        answers = ask(server, *PRIVATE)
    assert {answer.status for answer in answers.values()} == {"OK"}


@pytest.mark.parametrize("text", ["", "unknown", "192.0.2.1.5", "fe80::1%eth0", "x" * 5000])
def test_what_is_no_address_is_not_asked_about(text):
    with serving(by_last_byte({})) as server:
        assert ask(server, text)[text] == Answer(None, "Skipped", 0)
        assert not server.counts


def test_a_machine_without_a_name_server_has_no_names(tmp_path, monkeypatch):
    for text in (None, "", "# nameserver 127.0.0.1\nsearch example.test\nnameserver\nnameserver nonsense\n"):
        path = tmp_path / "resolv.conf"
        if text is not None:
            path.write_text(text)
        monkeypatch.setattr(reverse_dns, "RESOLV_CONF", str(path))
        assert Resolver(settings(), DictCache()).resolve(["8.8.8.8"]) == {"8.8.8.8": Answer(None, "Errno 2", 0)}


def test_three_servers_of_resolv_conf_are_used_and_no_more(tmp_path):
    from maillogsentinel.enrich.dns_exchange import servers_of

    path = tmp_path / "resolv.conf"
    path.write_bytes(
        b"; a comment\nnameserver 192.0.2.1 # one\n nameserver\t2001:db8::1\noptions rotate\n\xff\xfe\n"
        b"nameserver fe80::1%lo\nnameserver 192.0.2.4\n"
    )
    assert servers_of(str(path)) == ("192.0.2.1", "2001:db8::1", "fe80::1%lo")


def test_a_port_where_nobody_listens_is_answered_at_once():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    addresses = [f"192.0.2.{n}" for n in range(200)]
    answers = Resolver(settings(DNS_SERVERS=("127.0.0.1",), DNS_PORT=port, DNS_TIMEOUT=5.0), DictCache()).resolve(
        addresses
    )
    assert {*answers.values()} == {Answer(None, "Errno 2", 300)}, "keep is 0 when the budget had to end it"


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EPERM, errno.EACCES, errno.EMFILE])
def test_an_error_of_the_network_is_an_answer(monkeypatch, number):
    from maillogsentinel.enrich import dns_exchange

    class Refusing(socket.socket):
        def connect(self, address):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(dns_exchange.socket, "socket", Refusing)
    answers = Resolver(settings(DNS_SERVERS=("192.0.2.53",)), DictCache()).resolve(["192.0.2.1", "192.0.2.2"])
    assert {*answers.values()} == {Answer(None, "Errno 2", 300)}


def test_few_file_descriptors_make_it_slower_and_no_more():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    addresses = [f"192.0.2.{n}" for n in range(200)]
    with serving(by_last_byte({})) as server:
        open_now = max(int(name) for name in os.listdir("/proc/self/fd"))
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 12, hard))
            answers = ask(server, *addresses, DNS_IN_FLIGHT=100, DNS_TIMEOUT=2.0)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert {answer.status for answer in answers.values()} == {"OK"}
    assert sum(server.counts.values()) == 200


def test_no_more_queries_than_allowed_are_under_way():
    under_way, most, lock = 0, 0, threading.Lock()

    def reply(asked):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.02)
        with lock:
            under_way -= 1
        return asked.ptr("a.example.test").to_wire()

    with serving(reply) as server:
        ask(server, *(f"192.0.2.{n}" for n in range(60)), DNS_IN_FLIGHT=7, DNS_TIMEOUT=5.0)
    assert 1 < most <= 7


def test_no_file_descriptor_is_left_open():
    before = len(os.listdir("/proc/self/fd"))
    with serving(lambda asked: None) as server:
        ask(server, *(f"192.0.2.{n}" for n in range(50)), DNS_TIMEOUT=5.0, DNS_BUDGET=0.3)
    deadline = time.monotonic() + 2
    while len(os.listdir("/proc/self/fd")) > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(os.listdir("/proc/self/fd")) <= before


def test_each_answer_is_in_the_log_at_debug(caplog):
    with serving(by_last_byte({})) as server, caplog.at_level(logging.DEBUG, "maillogsentinel"):
        ask(server, "192.0.2.7")
    assert "192.0.2.7: OK host7.example.test" in caplog.text


def test_dnspython_is_imported_only_when_something_is_asked():
    code = (
        "import sys; from maillogsentinel import config, options\n"
        "from maillogsentinel.enrich.reverse_dns import Resolver\n"
        "values = {option: option.parse(option.default) for option in options.OPTIONS}\n"
        "class Cache:\n    def get(self, addresses): return {}\n    def put(self, answers): pass\n"
        "Resolver(config.Config(values, {}, []), Cache()).resolve(['10.0.0.1'])\n"
        "print('dns' in sys.modules or 'asyncio' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
