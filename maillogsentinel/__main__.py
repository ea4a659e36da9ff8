"""``python3 -m maillogsentinel`` is the same program as ``/usr/bin/maillogsentinel``."""

import sys

from maillogsentinel.cli import main

if __name__ == "__main__":
    sys.exit(main())
