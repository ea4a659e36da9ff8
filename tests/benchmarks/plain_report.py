"""A report of one day with its numbers alone: no detection, no other day. ``plain_report.py CONFIG DAY`` prints it."""

import datetime
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from maillogsentinel import __version__, config, options
from maillogsentinel.report.rows import Committed
from maillogsentinel.report.summary import Summary
from maillogsentinel.report.tally import tally
from maillogsentinel.report.text import render
from maillogsentinel.report.this_host import full_host_name, host_address
from maillogsentinel.store.database import Database

settings = config.load(sys.argv[1])
day = datetime.date.fromisoformat(sys.argv[2])
state_dir = settings[options.STATE_DIR]
records = Committed(Database(state_dir), settings[options.CSV_DELIMITER])
numbers = tally(records.rows(day, day), state_dir)
here = (full_host_name(), host_address(), day.isoformat(), day.isoformat(), False)
what = (numbers, records.path, records.size, records.count)
sys.stdout.write(render(Summary(__version__, "hourly", f"{day} 00:05", *here, *what)))
