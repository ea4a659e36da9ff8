"""The program's resolver alone, for comparison with bare_dns_loop.py: same arguments, same output.

What the resolver imports when it starts to work is in its time; the peer's imports are not in its own.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from maillogsentinel.config import Config
from maillogsentinel.enrich.reverse_dns import Answer, Resolver
from maillogsentinel.options import DNS_BUDGET, DNS_IN_FLIGHT, DNS_PORT, DNS_SERVERS, DNS_TIMEOUT, OPTIONS


class Forgetful:
    """A cache that keeps nothing, as every address comes once."""

    def get(self, addresses: Sequence[str]) -> dict[str, Answer]:
        return {}

    def put(self, answers: Mapping[str, Answer]) -> None:
        pass


def main() -> None:
    with open(sys.argv[1]) as file:
        addresses = file.read().split()
    values = {option: option.parse(option.default) for option in OPTIONS}
    values[DNS_SERVERS] = ("127.0.0.1",)
    values[DNS_PORT] = int(sys.argv[2])
    values[DNS_IN_FLIGHT] = int(sys.argv[3])
    values[DNS_TIMEOUT] = 10.0
    values[DNS_BUDGET] = 3600.0
    resolver = Resolver(Config(values, {}, []), Forgetful())
    begin = time.perf_counter()
    answers = resolver.resolve(addresses)
    seconds = time.perf_counter() - begin
    print(f"{seconds:.4f} {sum(answer.status == 'OK' for answer in answers.values())}")


if __name__ == "__main__":
    main()
