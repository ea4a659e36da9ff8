"""The peer of ipinfo: the databases' own reader and a loop, nothing else. Addresses on standard input, one a line.

Arguments: an MMDB of countries and one of ASes, or Debian's database alone.
"""

import sys


def mmdb(country_path: str, asn_path: str) -> None:
    import maxminddb

    countries, systems = maxminddb.open_database(country_path), maxminddb.open_database(asn_path)
    for line in sys.stdin:
        ip = line.strip()
        country, system = countries.get(ip) or {}, systems.get(ip) or {}
        number, name = system.get("autonomous_system_number"), system.get("autonomous_system_organization")
        print(ip, country.get("country_code"), number, name, sep="  ")


def debian(path: str) -> None:
    import location

    database = location.Database(path)
    for line in sys.stdin:
        ip = line.strip()
        network = database.lookup(ip)
        number = network.asn if network else None
        system = database.get_as(number) if number else None
        print(ip, network and network.country_code, number, system and system.name, sep="  ")


if __name__ == "__main__":
    (mmdb if len(sys.argv) == 3 else debian)(*sys.argv[1:])
