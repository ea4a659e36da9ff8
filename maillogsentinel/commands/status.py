"""``maillogsentinel status``: sources, positions, progress, last run, totals, what is due, age of the databases."""

import argparse
import fcntl
import json
import os
from typing import Any

from maillogsentinel import __version__, options, privileges
from maillogsentinel.config import Config, load
from maillogsentinel.enrich import age
from maillogsentinel.enrich.geo import Geo
from maillogsentinel.localtime import LocalTime, now
from maillogsentinel.store import alerts, history, journal_positions, lock, logins, runs
from maillogsentinel.store.database import NAME, Database
from maillogsentinel.store.due import days_due
from maillogsentinel.store.ledger import committed
from maillogsentinel.store.positions import load_choice, load_marks, load_source


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    config = load(args.config)
    privileges.become_owner(config[options.STATE_DIR])
    found = _collect(config)
    print(json.dumps(found, indent=2) if args.json else _text(found))
    return 0


def _collect(config: Config) -> dict[str, Any]:
    state_dir = config[options.STATE_DIR]
    times = LocalTime(config[options.TIME_ZONE], seconds=True)
    found: dict[str, Any] = {"version": __version__, "state_dir": state_dir, "running": _running(state_dir)}
    geo = Geo.open(config)
    found["databases"] = [
        {
            "column": item.column,
            "path": item.path,
            "kind": item.kind,
            "age_days": age.days_old(item),
        }
        for item in geo.databases
    ]
    found["problems"] = [*geo.problems, *age.sentences(config, geo.databases)]
    if not os.path.exists(os.path.join(state_dir, NAME)):
        found.update(
            reading=None,
            sources=[],
            csv=None,
            events=0,
            progress=None,
            last_run=None,
            kept_since=None,
            pending_records=0,
            due=[],
            logins=None,
            alerts=None,
        )
        return found
    database = Database(state_dir)
    path, length, count = committed(database)
    choice = load_choice(database)
    found["reading"] = {"names": list(choice.names), "why": choice.why or None} if choice else None
    found["sources"] = [
        *(_source(database, row[0], times) for row in database.rows("SELECT path FROM source ORDER BY path")),
        *(_journal(database, row[0], times) for row in database.rows("SELECT name FROM journal ORDER BY name")),
    ]
    found["csv"] = {"path": path, "bytes": length, "records": count}
    pruned = history.pruned_before(database)
    found["kept_since"] = times.text(pruned) if pruned else None
    found["events"] = database.rows("SELECT count(*) FROM event")[0][0]
    found["logins"] = None
    if config[options.LOGINS_REMEMBER]:
        users, networks = logins.known(database)
        found["logins"] = {"users": users, "networks": networks}
    pending = database.rows("SELECT count FROM pending")
    found["pending_records"] = pending[0][0] if pending else 0
    progress = runs.progress(database)
    found["progress"] = None
    if progress and found["running"]:
        found["progress"] = {"started": times.text(progress[0]), "bytes": progress[1], "of": progress[2]}
    last = runs.last_run(database)
    found["last_run"] = _run(last, times) if last else None
    found["problems"] += [problem for problem in (last.problems if last else []) if problem not in found["problems"]]
    at, count = alerts.numbers(database)
    found["alerts"] = {"last": times.text(at) if at else None, "due": count} if config[options.ALERTS_ENABLED] else None
    found["due"] = [day.isoformat() for day in days_due(database, times, now())]
    database.close()
    return found


def _running(state_dir: str) -> bool:
    """Whether a run holds the lock."""
    try:
        descriptor = os.open(os.path.join(state_dir, lock.NAME), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _source(database: Database, path: str, times: LocalTime) -> dict[str, Any]:
    state = load_source(database, path)
    mark = load_marks(database).get(state.current)
    names = [name for name, seen in state.listing.items() if seen.mark == state.current and state.current]
    until = history.covered_until(database, path)
    return {
        "path": path,
        "files": len(state.listing),
        "file": names[-1] if names else None,
        "offset": mark.offset if mark else 0,
        "last_line": times.text(state.stamp) if state.stamp else None,
        "read_until": times.text(until) if until else None,
    }


def _journal(database: Database, name: str, times: LocalTime) -> dict[str, Any]:
    stamp = journal_positions.load(database, name).stamp
    until = history.covered_until(database, name)
    return {
        "path": name,
        "files": None,
        "file": None,
        "offset": None,
        "last_line": times.text(stamp) if stamp else None,
        "read_until": times.text(until) if until else None,
    }


def _run(run: runs.Run, times: LocalTime) -> dict[str, Any]:
    return {
        "started": times.text(run.started),
        "seconds": round((run.ended - run.started) / 1_000_000, 1),
        "records": run.records,
        "troubles": run.troubles,
        "error": run.error or None,
        "problems": run.problems,
    }


def _text(found: dict[str, Any]) -> str:
    lines = [f"MailLogSentinel v{found['version']}, state in {found['state_dir']}"]
    if found["running"]:
        progress = found["progress"]
        done = f", {progress['bytes']} of {progress['of']} bytes since {progress['started']}" if progress else ""
        lines.append(f"Running:    an extraction is under way{done}")
    reading = found["reading"]
    if reading:
        why = f" (auto: {reading['why']})" if reading["why"] else ""
        lines.append(f"Reading:    {', '.join(reading['names'])}{why}")
    for source in found["sources"]:
        files = "" if source["files"] is None else f", {source['files']} files"
        lines.append(f"Source:     {source['path']}{files}, read until {source['read_until'] or 'never'}")
        if source["file"]:
            lines.append(f"Position:   {source['file']} at byte {source['offset']}, last line {source['last_line']}")
        elif source["last_line"]:
            lines.append(f"Position:   last entry {source['last_line']}")
    if not found["sources"]:
        lines.append("Source:     nothing was read yet. Run: maillogsentinel extract")
    last = found["last_run"]
    if last:
        result = last["error"] or f"{last['records']} new records, {last['troubles']} times server trouble"
        lines.append(f"Last run:   {last['started']}, {last['seconds']} s: {result}")
    if found["csv"]:
        lines.append(
            f"CSV:        {found['csv']['path']}, {found['csv']['records']} records, {found['csv']['bytes']} bytes"
        )
    if found["kept_since"]:
        lines.append(f"Kept since: {found['kept_since']}; what is older was pruned")
    if found["logins"]:
        users, networks = found["logins"]["users"], found["logins"]["networks"]
        lines.append(f"Logins:     {users} users are known to log in, from {networks} networks")
    if found["pending_records"]:
        lines.append(f"Pending:    {found['pending_records']} records, which the next run finishes writing")
    due = found["due"]
    if due:
        lines.append(f"Due:        report of {due[0]}" + (f" to {due[-1]} ({len(due)} days)" if len(due) > 1 else ""))
    else:
        lines.append("Due:        no report")
    if found["alerts"]:
        last, count = found["alerts"]["last"], found["alerts"]["due"]
        lines.append(
            f"Alerts:     {f'the last one {last}' if last else 'none yet'}, {count or 'none'} still to be told"
        )
    for item in found["databases"]:
        lines.append(f"Database:   {item['column']}: {item['path']} ({item['kind']}), {item['age_days']} days old")
    if not found["databases"]:
        lines.append("Database:   none; for countries and networks run: maillogsentinel ipinfo --update")
    lines += [f"Problem:    {problem}" for problem in found["problems"]]
    return "\n".join(lines)
