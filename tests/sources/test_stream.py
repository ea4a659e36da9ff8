"""Damaged archives: what stands before the damage comes out, and the damage is noticed."""

import gzip
import os
import random

import pytest

from maillogsentinel.sources.stream import DamagedError, open_compressed


def read_all(path, size):
    """All that can be read of the file, and whether it was damaged."""
    descriptor = os.open(path, os.O_RDONLY)
    stream = open_compressed(descriptor, str(path))
    out = b""
    try:
        while data := stream.read(size):
            assert len(data) <= 1 << 20
            out += data
        return out, False
    except DamagedError:
        return out, True
    finally:
        stream.close()
        os.close(descriptor)


@pytest.mark.parametrize("seed", range(12))
def test_a_gzip_file_gives_what_stands_before_its_damage(tmp_path, seed):
    chance = random.Random(seed)
    lines = [b"line %d %s\n" % (number, chance.randbytes(20).hex().encode()) for number in range(6000)]
    cut = chance.randrange(1, len(lines))
    first, second = b"".join(lines[:cut]), b"".join(lines[cut:])
    packed = gzip.compress(first) + gzip.compress(second)  # of two members
    path = tmp_path / "mail.log.2.gz"
    path.write_bytes(packed)
    assert read_all(path, 5000) == (first + second, False)
    at = chance.randrange(200, len(packed) - 200)
    path.write_bytes(packed[:at] + bytes(64) + packed[at + 64 :])
    found, damaged = read_all(path, chance.choice((1000, 100_000)))
    assert damaged
    good = gzip.decompress(packed[: len(gzip.compress(first))]) if at > len(gzip.compress(first)) else b""
    assert found.startswith(good)
    common = len(os.path.commonprefix([found, first + second]))
    # Behind the damage zlib may take what follows for data, until the sum at the member's end gives it away.
    assert common >= len(first + second) * at / len(packed) * 0.8 - 40_000
