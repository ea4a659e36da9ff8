"""Exactly once, whatever writer, rotator and admin do: random worlds, each of which its number makes again."""

import pytest
import world

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", range(60))
def test_every_failure_that_a_run_could_see_is_recorded_once(seed, tmp_path):
    world.live_through(seed, tmp_path)


def test_a_world_notices_a_line_that_is_read_twice(tmp_path, monkeypatch):
    from maillogsentinel.store import positions

    monkeypatch.setattr(positions, "save_mark", lambda *_: None)
    with pytest.raises(AssertionError, match="doubled"):
        for seed in range(20):
            (tmp_path / str(seed)).mkdir()
            world.live_through(seed, tmp_path / str(seed))


def test_a_world_notices_a_line_that_is_lost(tmp_path, monkeypatch):
    from maillogsentinel.sources import segment

    blocks = segment._Plain.blocks

    def all_lines_are_complete(self, final):
        return blocks(self, True)

    monkeypatch.setattr(segment._Plain, "blocks", all_lines_are_complete)
    with pytest.raises(AssertionError, match=r"lost|doubled"):
        for seed in range(20):
            (tmp_path / str(seed)).mkdir()
            world.live_through(seed, tmp_path / str(seed))
