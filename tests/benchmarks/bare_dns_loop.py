"""The peer of our resolver: dnspython and a semaphore, nothing else. Prints the seconds it took and the names it got.

Arguments: a file with an address in each line, the port of the DNS server on 127.0.0.1, the queries in flight.
"""

import asyncio
import sys
import time

import dns.asyncquery
import dns.message
import dns.reversename


async def ask(address: str, port: int, slots: asyncio.Semaphore) -> str:
    """Return the PTR name of `address`."""
    query = dns.message.make_query(dns.reversename.from_address(address), "PTR")
    async with slots:
        response = await dns.asyncquery.udp(query, "127.0.0.1", timeout=10, port=port)
    return response.answer[0][0].to_text()


async def ask_all(addresses: list[str], port: int, in_flight: int) -> list[str]:
    slots = asyncio.Semaphore(in_flight)
    return await asyncio.gather(*(ask(address, port, slots) for address in addresses))


def main() -> None:
    with open(sys.argv[1]) as file:
        addresses = file.read().split()
    begin = time.perf_counter()
    names = asyncio.run(ask_all(addresses, int(sys.argv[2]), int(sys.argv[3])))
    print(f"{time.perf_counter() - begin:.4f} {len(names)}")


if __name__ == "__main__":
    main()
