"""Write a CSV of MailLogSentinel with a long history: as many records on each of many days, in the documented form."""

import argparse
import datetime
import random
import zlib
from functools import cache
from itertools import cycle, islice

HEADER = "server,date,ip,user,hostname,reverse_dns_status,country_code,asn,aso\n"
POOL = 65521
"""Different records but for their dates."""
COUNTRIES = ("AU", "BR", "CN", "DE", "FR", "GB", "ID", "IN", "IR", "JP", "KR", "NL", "PL", "RU", "SG", "TR", "US", "VN")
ORGANISATIONS = [
    ("64496", "Example Hosting"),
    ("64497", '"Example Telecom, Inc."'),
    ("64500", "Réseau Exemple"),
    ("64505", "EXAMPLE-CLOUD-AP"),
    ("65540", "Example University"),
]


def records(rng: random.Random) -> list[str]:
    """Return records as they stand in the CSV behind the date."""
    made = []
    for _ in range(POOL):
        address = f"198.18.{int(rng.expovariate(0.02)) % 256}.{int(rng.expovariate(0.02)) % 256}"
        user = f"user{int(rng.expovariate(0.002))}@example.org" if rng.random() < 0.7 else f"scan{rng.randrange(10**6)}"
        asn, organisation = rng.choice(ORGANISATIONS)
        status = rng.choice(("OK", "Errno 1", "Errno 1", "Errno 2"))
        hostname = f"host-{rng.randrange(9999)}.example.net" if status == "OK" else "null"
        made.append(f"{address},{user},{hostname},{status},{rng.choice(COUNTRIES)},{asn},{organisation}\n")
    return made


@cache
def records_of_all() -> list[str]:
    """Return the records that every history is made of."""
    return records(random.Random(2))


def write_history(
    path: str, rows: int, days: int, last: datetime.date, only: datetime.date | None = None, server: str = "mail"
) -> int:
    """Write `rows` records over the `days` up to `last`, or of them only those of one day; return their number.

    Those of another `server` are other ones.
    """
    pool = records_of_all()
    shift = 0 if server == "mail" else zlib.crc32(server.encode())
    written = 0
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(HEADER)
        for place in range(days):
            day = last - datetime.timedelta(days=days - 1 - place)
            start, end = rows * place // days, rows * (place + 1) // days
            if only in (None, day):
                number = end - start
                begin = (start + shift) % POOL
                texts = islice(cycle(pool), begin, begin + number)
                at = [i * 1440 // number for i in range(number)]
                minutes = {m: f"{server},{day} {m // 60:02}:{m % 60:02}," for m in set(at)}
                file.write("".join([minutes[m] + text for m, text in zip(at, texts, strict=True)]))
                written += number
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a CSV with a long history.")
    parser.add_argument("--out", required=True, metavar="FILE")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--days", type=int, default=180)
    given = parser.parse_args()
    today = datetime.datetime.now(datetime.UTC).date()
    yesterday = today - datetime.timedelta(days=1)
    print(f"{given.out}: {write_history(given.out, given.rows, given.days, yesterday)} records")


if __name__ == "__main__":
    main()
