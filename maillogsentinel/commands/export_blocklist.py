"""``maillogsentinel export blocklist``: addresses and networks over the thresholds, for firewalls and Postfix."""

import argparse
import os
import sys

from maillogsentinel import __version__, options, privileges
from maillogsentinel.commands import outfile
from maillogsentinel.config import Config, load
from maillogsentinel.errors import UsageError
from maillogsentinel.export import blocklist, formats
from maillogsentinel.export.own import own_addresses
from maillogsentinel.localtime import HOUR, LocalTime, now
from maillogsentinel.parse.login import network
from maillogsentinel.store import addresses, logins
from maillogsentinel.store.database import Database


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    config = load(args.config)
    rules = _rules(config)
    privileges.become_owner(config[options.STATE_DIR])
    moment = now()
    database = Database(config[options.STATE_DIR])
    try:
        attempts = addresses.attempts(database, moment - rules.expire, network)
        found = blocklist.listed(attempts, rules, _spared(config, database), moment)
    finally:
        database.close()
    form = args.format or formats.PLAIN
    entries = blocklist.entries(found, rules.expire, moment, formats.FORMS[form].join)
    made = LocalTime(config[options.TIME_ZONE]).text(moment)
    heading = f"MailLogSentinel v{__version__}, {made}: {len(entries)} addresses and networks with failed logins"
    text = "".join(f"{line}\n" for line in formats.lines(form, entries, moment, heading))
    if args.output:
        outfile.write(args.output, text)
    else:
        sys.stdout.write(text)
    return 0


def _rules(config: Config) -> blocklist.Rules:
    """The thresholds. Raises UsageError where they need failures that are not kept."""
    kept = config[options.EVENT_DAYS] * 24
    for option in (options.BLOCKLIST_HOURS, options.BLOCKLIST_EXPIRE):
        if config[option] > kept:
            raise UsageError(
                f"[{option.section}] {option.key} is {config[option]}, but [{options.EVENT_DAYS.section}]"
                f" {options.EVENT_DAYS.key} keeps failures for {kept} hours. Lower the one or raise the other."
            )
    return blocklist.Rules(
        failures=config[options.BLOCKLIST_FAILURES],
        users=config[options.BLOCKLIST_USERS],
        within=config[options.BLOCKLIST_HOURS] * HOUR,
        expire=config[options.BLOCKLIST_EXPIRE] * HOUR,
        network_addresses=config[options.BLOCKLIST_NETWORK],
        most=config[options.BLOCKLIST_ENTRIES],
        allow_users=config[options.ALLOW_USERS],
        bait_users=config[options.BAIT_USERS],
    )


def _spared(config: Config, database: Database) -> blocklist.Spared:
    own = own_addresses(filter(None, (config[options.SERVER_NAME], os.uname().nodename)))
    return blocklist.Spared(
        (*config[options.ALLOW_NETWORKS], *own),
        logins.networks(database) if config[options.SPARE_LOGINS] else frozenset(),
        config[options.SPARE_PRIVATE],
    )
