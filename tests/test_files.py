"""Paths as people type them."""

from pathlib import Path

import pytest

from common.errors import UsageError
from common.machine.files import user_path


def test_a_path_is_read_as_a_shell_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home" / "here" / "data").mkdir(parents=True)
    (tmp_path / "home" / "link").symlink_to(tmp_path / "home" / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "home" / "here")
    assert user_path("~/new") == tmp_path / "home" / "new"
    assert user_path("~/link/data") == Path("data") == user_path("data/../data")
    assert user_path("~/here") == Path()
    assert user_path(str(tmp_path)) == tmp_path


def test_a_path_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no home folder for '~nobody-of-that-name/data'"):
        user_path("~nobody-of-that-name/data")
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path / "loop", tmp_path / "loop" / "data"):
        with pytest.raises(UsageError, match="lead in a circle"):
            user_path(str(path))
