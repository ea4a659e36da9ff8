"""``maillogsentinel check-config``: every fault at once."""

import argparse

from maillogsentinel.config import examine
from maillogsentinel.options import OPTIONS


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    config, faults = examine(args.config)
    for fault in faults:
        print(f"{fault}" if fault.error else f"{fault} (warning)")
    if args.effective:
        for option in OPTIONS:
            entry = config.entries.get(option)
            value, origin = (entry.value, f"{entry.file}:{entry.line}") if entry else (option.default, "default")
            print(f"[{option.section}] {option.key} = {value}  ({origin})")
    return 2 if any(fault.error for fault in faults) else 0
