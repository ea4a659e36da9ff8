"""Simulated days of a mail server, each with what is to be found in it; the same seed makes the same day.

An ordinary day has three kinds of strangers: those that walk through a list of names, those that stay with one or two,
and those that come by a few times; and the server's own users, who mistype passwords and get new telephones. An attack
is laid over such a day. Addresses are private ones, so that there is room for many networks.
"""

import math
import random
from collections.abc import Callable
from typing import NamedTuple

from maillogsentinel.detect.evidence import Before, NewLogin
from maillogsentinel.detect.patterns import Attempt

DAY = 86_400_000_000
START = 20_000 * DAY
"""UTC microseconds at which each day begins."""
SIZES = (1_000, 5_000, 28_000)
"""Failures of an ordinary day, of a small, a middle and a busy server; a seed has one of them."""
ACCOUNTS = [f"user{number:03}@example.org" for number in range(400)]
_NAMES = [
    "info",
    "admin",
    "test",
    "contact",
    "sales",
    "support",
    "office",
    "postmaster",
    "root",
    "scanner",
    "service",
    "noreply",
    "hello",
    "mail",
    "webmaster",
    "backup",
    "user",
    "marketing",
    "billing",
    "hr",
]
GENERIC = [f"{name}{end}" for end in ("", "@example.org") for name in _NAMES]
LISTED = [f"name{number:04}" for number in range(4000)]
BAIT = "olga.former@example.org"
COUNTRIES = ("CN", "US", "RU", "BR", "IN", "VN", "DE", "NL", "ID", "KR", "TR", "IR", "UA", "TH", "PL", "TW", "GB", "AR",
             "IT", "MX", "ZA", "SG", "HK", "EG", "CO", "RO", "BG", "PK", "BD", "KZ")  # fmt: skip
HOME = "FR"


class Failed(NamedTuple):
    """One failure."""

    stamp: int
    ip: str
    user: str
    country: str
    asn: str


class Day(NamedTuple):
    """What happened, and what of it is to be found."""

    failures: list[Failed]
    logins: list[NewLogin]
    labels: frozenset[tuple[str, str]]
    """Kind and subject of each finding that there should be."""
    also: frozenset[str]
    """Kinds of findings that the attack may bring as well, which are neither right nor wrong."""
    hours: list[int]
    earlier: list[list[int]]
    remembered: int
    """Since when logins have been remembered."""

    def attempts(self) -> list[tuple[Attempt, int]]:
        """Return the failures as `patterns` takes them."""
        return [(Attempt("mx", f.ip, f.user, f.country, f.asn, f"Example {f.asn}"), 1) for f in self.failures]

    def before(self) -> list[Before]:
        """Return the failures as `compromises` takes them."""
        return [Before(f.stamp, f.ip, f.user) for f in self.failures]


class World:
    """One seed's chance, and who is who in it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.size = SIZES[seed % len(SIZES)]
        self.failures: list[Failed] = []
        self.logins: list[NewLogin] = []
        self.labels: set[tuple[str, str]] = set()
        self.also: set[str] = set()
        self.remembered = START - 60 * DAY
        self.accounts = self.random.sample(ACCOUNTS, {1_000: 25, 5_000: 80, 28_000: 400}[self.size])
        self.names = [*GENERIC, *self.random.sample(self.accounts, len(self.accounts) // 2)]
        self.random.shuffle(self.names)
        self._weights = [1 / (rank + 3) ** 0.8 for rank in range(len(self.names))]

    def moment(self) -> int:
        """Return some moment of the day."""
        return START + int(self.random.random() * DAY)

    def address(self) -> tuple[str, str, str]:
        """Return a stranger's address, country and AS number; those of a /16 have the same."""
        first = min(int(self.random.expovariate(1 / 60)), 255)
        country = COUNTRIES[min(int((first * 7919 % 256 / 256) ** 2 * len(COUNTRIES)), len(COUNTRIES) - 1)]
        return f"10.{first}.{self.random.randrange(256)}.{self.random.randrange(256)}", country, str(64512 + first)

    def fail(self, who: tuple[str, str, str], user: str, stamp: int | None = None) -> None:
        """Let somebody fail."""
        ip, country, asn = who
        self.failures.append(Failed(self.moment() if stamp is None else stamp, ip, user, country, asn))

    def popular(self, number: int) -> list[str]:
        """Return names as strangers choose them."""
        return self.random.choices(self.names, self._weights, k=number)

    def login(self, user: str, ip: str, country: str, new: bool = False, days: int = 100, at: int | None = None) -> int:
        """Let somebody log in from a network for the first time; return when."""
        stamp = self.moment() if at is None else at
        network = ip.rpartition(".")[0] + ".0/24"
        since = None if days == 0 else stamp - days * DAY
        self.logins.append(NewLogin(stamp, user, ip, network, country, since, False, not new))
        return stamp

    def telephone(self) -> tuple[str, str, str]:
        """Return an address of a mobile network at home, which many share and all change."""
        return f"172.16.{self.random.randrange(64)}.{self.random.randrange(256)}", HOME, "64496"

    def done(self) -> Day:
        """Return the day, with the hours of four weeks before it."""
        hours = [0] * 24
        for failed in self.failures:
            hours[(failed.stamp - START) * 24 // DAY] += 1
        earlier = [self._hours() for _ in range(28)]
        self.random.shuffle(self.failures)
        labels, also = frozenset(self.labels), frozenset(self.also)
        return Day(self.failures, self.logins, labels, also, hours, earlier, self.remembered)

    def _hours(self) -> list[int]:
        """Return the hours of an earlier day; some had a burst."""
        busy = self.random.lognormvariate(0, 0.3) * self.size / 24
        counts = [max(0, int(self.random.gauss(busy, busy * 0.4))) for _ in range(24)]
        if self.random.random() < 0.1:
            counts[self.random.randrange(24)] += self.size
        return counts


def ordinary(world: World) -> None:
    """Lay down an ordinary day."""
    chance = world.random
    while len(world.failures) < world.size:
        who, kind = world.address(), chance.random()
        if kind < 0.25:
            number = min(int(chance.lognormvariate(math.log(6), 0.6)) + 1, 200)
            for user in chance.sample(LISTED, number // 2) + world.popular(number - number // 2):
                world.fail(who, user)
        elif kind < 0.45:
            for user in world.popular(chance.randint(1, 2)):
                for _ in range(chance.randint(3, 40)):
                    world.fail(who, user)
        else:
            for user in world.popular(chance.randint(1, 3)):
                world.fail(who, user)
    own = len(world.accounts)
    for user in chance.sample(world.accounts, own // 10):
        forgetful(world, user)
    for user in chance.sample(world.accounts, own // 20):  # at home
        who = f"172.31.{world.accounts.index(user) % 256}.7", HOME, "64497"
        for _ in range(chance.randint(1, 30)):
            world.fail(who, user)
    for user in chance.sample(world.accounts, max(1, own // 50)):  # the first time
        world.login(user, world.telephone()[0], HOME, new=True, days=chance.choice((0, 1)))


def forgetful(world: World, user: str, least: int = 0, most: int = 6) -> None:
    """Somebody with a new telephone in a mobile network, who finds the password after some failures, or at once."""
    who = world.telephone()
    stamp = world.login(user, who[0], who[1], at=world.moment() // 2 + START // 2 + DAY // 4)
    for number in range(world.random.randint(least, most)):
        world.fail(who, world.random.choice((user, user.split("@")[0])), stamp - (number + 1) * 20_000_000)


def quiet(world: World) -> None:
    """Nothing but an ordinary day."""


def spraying(world: World) -> None:
    """Two addresses, each with 60 to 600 names."""
    for _ in range(2):
        who = world.address()
        for user in world.random.sample(LISTED, int(60 * 10 ** world.random.random())):
            world.fail(who, user)
        world.labels.add(("spraying", who[0]))


def network(world: World) -> None:
    """Forty addresses of one /24, each with a few names of one list."""
    third = world.random.randrange(256)
    for host in world.random.sample(range(256), 40):
        for user in world.random.sample(LISTED, 6):
            world.fail((f"10.250.{third}.{host}", "NL", "64900"), user)
    world.labels.add(("network", f"10.250.{third}.0/24"))


def organisation(world: World) -> None:
    """Four hundred addresses of one hoster, each with some names."""
    for _ in range(400):
        who = (
            f"10.251.{world.random.randrange(256)}.{world.random.randrange(256)}",
            world.random.choice(COUNTRIES),
            "64901",
        )
        for user in world.random.sample(LISTED, 6):
            world.fail(who, user)
    world.labels.add(("organisation", "AS64901"))


def country(world: World) -> None:
    """Two thousand addresses of many networks of one country, each with a few names."""
    for _ in range(2000):
        part = world.random.randrange(200)
        who = f"10.252.{part}.{world.random.randrange(256)}", "XK", str(65000 + part)
        for user in world.random.sample(LISTED, 3):
            world.fail(who, user)
    world.labels.add(("country", "XK"))


def botnet(users: int) -> Callable[[World], None]:
    """Return the attack of 2,000 addresses, each of which tries twice one of so many users."""

    def attack(world: World) -> None:
        victims = world.random.sample(world.accounts, min(users, len(world.accounts)))
        for _ in range(2000):
            who = world.address()
            for user in world.random.choices(victims, k=2):
                world.fail(who, user)
        world.labels.update(("distributed", user) for user in victims)

    attack.__doc__ = f"2,000 addresses, each with two tries on {users} users."
    return attack


def compromised(world: World) -> None:
    """A botnet that guesses the passwords of five accounts, and gets into one."""
    botnet(5)(world)
    victim = world.random.choice(sorted(user for _, user in world.labels))
    ip, land, _ = world.address()
    world.login(victim, ip, land, new=True, at=START + DAY - 1)
    world.labels.add(("login", victim))
    for user in world.random.sample(world.accounts, 2):
        forgetful(world, user)


def compromised_by_sprayer(world: World) -> None:
    """An address that tries many users, and gets into one from a country that the user knows."""
    who = world.address()[0], HOME, "64498"
    for user in world.random.sample(LISTED, 60):
        world.fail(who, user, world.moment() - DAY // 2)
    victim = world.random.choice(world.accounts)
    world.login(victim, who[0], HOME, at=START + DAY - 1)
    world.labels.update({("spraying", who[0]), ("login", victim)})


def compromised_quietly(world: World) -> None:
    """Thirty addresses that guess one password once each, the last one rightly, from a country new for the user."""
    victim = world.random.choice(world.accounts)
    for _ in range(30):
        world.fail(world.address(), victim)
    ip, land, _ = world.address()
    world.login(victim, ip, land, new=True, at=START + DAY - 1)
    world.labels.add(("login", victim))


def compromised_unused(world: World) -> None:
    """One address that guesses the password of an account that nobody uses, until it has it."""
    who, stamp = world.address(), START + DAY - 1
    for number in range(world.random.randint(20, 300)):
        world.fail(who, "scanner@example.org", stamp - (number + 1) * 20_000_000)
    world.login("scanner@example.org", who[0], who[1], new=True, days=0, at=stamp)
    world.labels.add(("login", "scanner@example.org"))


def telephone(world: World) -> None:
    """One user with a telephone more, beside those of each day."""
    for user in world.random.sample(world.accounts, 3):
        forgetful(world, user, most=9)


def stubborn(world: World) -> None:
    """A new telephone that tries an old password 12 to 60 times before somebody corrects it: nothing to be found."""
    forgetful(world, world.random.choice(world.accounts), least=12, most=60)


def journey(world: World) -> None:
    """A user logs in from a country where this one never was: to be found, though it is nothing."""
    user = world.random.choice(world.accounts)
    ip, land, _ = world.address()
    world.login(user, ip, land, new=True)
    world.labels.add(("login", user))


def under_attack(world: World) -> None:
    """A user whom a botnet is after gets a new telephone."""
    botnet(1)(world)
    forgetful(world, next(user for _, user in world.labels), most=3)


def installed(world: World) -> None:
    """The first day: nobody is known yet, and everybody logs in, from wherever they are."""
    world.logins.clear()
    world.remembered = START
    for user in world.accounts:
        ip, land, _ = world.telephone() if world.random.random() < 0.9 else world.address()
        world.login(user, ip, land, new=True, days=0)


def burst(world: World) -> None:
    """An hour with eight to forty times what is usual, from many addresses."""
    hour = world.random.randrange(24)
    for _ in range(max(400, int(world.size / 24 * world.random.randint(8, 40)))):
        stamp = START + hour * DAY // 24 + world.random.randrange(DAY // 24)
        world.fail(world.address(), world.random.choice(LISTED), stamp)
    world.also.update(("country", "organisation"))
    world.labels.add(("burst", f"2024-10-04 {hour:02}:00"))


def bait(world: World) -> None:
    """Three addresses come by a user who left, whose name is bait."""
    for _ in range(3):
        who = world.address()
        world.fail(who, BAIT)
        world.labels.add(("bait", who[0]))


SCENARIOS: dict[str, Callable[[World], None]] = {
    "quiet day": quiet,
    "forgetful users": telephone,
    "first day": installed,
    "spraying": spraying,
    "network": network,
    "organisation": organisation,
    "country": country,
    "botnet on 1 user": botnet(1),
    "botnet on 5 users": botnet(5),
    "botnet on 20 users": botnet(20),
    "botnet on 100 users": botnet(100),
    "compromised, botnet": compromised,
    "compromised, sprayer": compromised_by_sprayer,
    "compromised, quietly": compromised_quietly,
    "compromised, unused account": compromised_unused,
    "new telephone under attack": under_attack,
    "old password in a new telephone": stubborn,
    "journey": journey,
    "burst": burst,
    "bait": bait,
}


def simulate(scenario: str, seed: int) -> Day:
    """Return the day of a scenario."""
    world = World(seed)
    ordinary(world)
    before = len(world.failures)
    SCENARIOS[scenario](world)
    if len(world.failures) > 2 * before:
        world.also.add("burst")
    return world.done()
