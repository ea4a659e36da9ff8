"""What several servers have in common is counted exactly and told in every form."""

import json
import random
from collections import Counter, defaultdict

import pytest

from maillogsentinel.report import text
from maillogsentinel.report.as_json import render
from maillogsentinel.report.fleet import Fleet, Shared
from maillogsentinel.report.page import document
from maillogsentinel.report.tally import tally

from .page_parser import Page
from .samples import HOSTILE, row, summary_of


def fleet_rows(seed, count=400):
    pick = random.Random(seed).choice
    return [
        row(
            server=pick(["mx1", "mx2", "mx3", "", "m,x", "mx3"]),
            ip=pick([None, "192.0.2.1", "192.0.2.2", "198.51.100.7", "2001:db8::1", "2001:db8::2", "no address"]),
            user=pick([None, *HOSTILE[:12]]),
        )
        for _ in range(count)
    ]


def network(ip):
    if ip is None or ip == "no address":
        return ip
    return "2001:db8::/48" if ":" in ip else ip.rpartition(".")[0] + ".0/24"


def shared_plainly(pairs):
    servers = defaultdict(set)
    for value, server in pairs:
        if value is not None:
            servers[value].add(server)
    records = Counter(value for value, _ in pairs)
    found = [(value, len(seen), records[value]) for value, seen in servers.items() if len(seen) > 1]
    return Shared(sorted(found, key=lambda one: (-one[1], -one[2], one[0].encode()))[:10], len(found))


def counted_plainly(rows):
    servers = Counter(one.server for one in rows)
    return Fleet(
        sorted(servers.items(), key=lambda pair: (-pair[1], pair[0].encode())),
        len(servers),
        shared_plainly([(one.ip, one.server) for one in rows]),
        shared_plainly([(network(one.ip), one.server) for one in rows]),
        shared_plainly([(one.user, one.server) for one in rows]),
    )


@pytest.mark.parametrize("limit", [1, 7, 50_000])
@pytest.mark.parametrize("seed", range(3))
def test_every_number_is_that_of_plain_counting(seed, limit, tmp_path):
    rows = fleet_rows(seed)
    found = tally(iter(rows), str(tmp_path), limit, several_servers=True)
    assert found.fleet == counted_plainly(rows)
    assert found._replace(fleet=None) == tally(rows)


def test_of_more_servers_than_a_list_has_the_most_attacked_are_told(tmp_path):
    rows = [row(server=f"mx{number:03}") for number in range(150)] + [row(server="mx149")]
    for limit in (10, 50_000):
        numbers = tally(iter(rows), str(tmp_path), limit, several_servers=True)
        assert (numbers.fleet.distinct, len(numbers.fleet.servers)) == (150, 100)
        assert numbers.fleet.servers[:2] == [("mx149", 2), ("mx000", 1)]
        assert "Attempts per server on 2025-05-27 (100 of 150):" in text.render(summary_of(numbers))


@pytest.fixture
def summary():
    rows = [row(server="mx1", user="<b>"), row(server="mx2", user="<b>"), row(server="mx2", ip="192.0.2.8")]
    return summary_of(tally(rows, several_servers=True))


def test_the_text_tells_it_in_columns(summary):
    shown = text.render(summary)
    assert "Attempts per server on 2025-05-27:\n   1. mx2   2 times\n   2. mx1   1 times\n" in shown
    assert "Top 10 addresses seen on several servers on 2025-05-27:\n   1. 192.0.2.7   2 servers   2 times\n" in shown
    assert "Top 10 networks seen on several servers on 2025-05-27:\n   1. 192.0.2.0/24   2 servers   3 times\n" in shown
    assert "Top 10 Usernames tried on several servers on 2025-05-27:\n   1. <b>   2 servers   2 times\n" in shown


def test_the_page_tells_it_escaped(summary):
    tables = Page(document.render(summary)).tables
    servers = tables["Attempts per server on 2025-05-27"]
    assert [(cells[0], cells[2]) for cells in servers[1:]] == [("mx2", "2"), ("mx1", "1")]
    title = "Top 10 {} several servers on 2025-05-27"
    assert tables[title.format("networks seen on")][1] == ["192.0.2.0/24", "2 servers", "3"]
    assert tables[title.format("Usernames tried on")][1] == ["<b>", "2 servers", "2"]


def test_the_object_tells_it_in_numbers(summary):
    found = json.loads(render(summary))["fleet"]
    assert found["servers"]["top"] == [{"value": "mx2", "count": 2}, {"value": "mx1", "count": 1}]
    assert found["networks"] == {"top": [{"value": "192.0.2.0/24", "servers": 2, "count": 3}], "distinct": 1}
    assert found["users"] == {"top": [{"value": "<b>", "servers": 2, "count": 2}], "distinct": 1}


def test_one_server_is_no_fleet():
    numbers = tally([row()], several_servers=True)
    assert "server" not in text.render(summary_of(numbers)).split("Top 10", 1)[1]
    assert json.loads(render(summary_of(numbers)))["fleet"]["addresses"] == {"top": [], "distinct": 0}
    assert json.loads(render(summary_of(tally([row()]))))["fleet"] is None
