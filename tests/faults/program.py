"""The program with small batches: ``python3 program.py BYTES ARGUMENT...``, so that a short log makes many commits."""

import sys

sys.dont_write_bytecode = True
sys.path[0] = sys.argv.pop(1)

from maillogsentinel import reading  # noqa: E402
from maillogsentinel.cli import main  # noqa: E402
from maillogsentinel.sources import journal  # noqa: E402

reading.BATCH_BYTES = journal._BLOCK = int(sys.argv.pop(1))
sys.exit(main())
