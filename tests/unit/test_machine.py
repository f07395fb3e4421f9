"""What is warned of before a data folder is trusted to a machine."""

from pathlib import Path

import pytest

from service.machine import Version, has_wal_reset_bug, network_file_system, warnings_of_machine

MOUNTS = r"""22 1 0:21 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:22 / /srv rw - nfs4 server:/export rw,vers=4.2
24 23 0:23 / /srv/local\040disk rw - xfs /dev/sdb1 rw
"""


@pytest.mark.parametrize(
    ("version", "bug"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 0), False),
    ],
)
def test_the_versions_that_can_damage_a_database_are_known(version: Version, bug: bool) -> None:
    assert has_wal_reset_bug(version) is bug


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/waybill", None),
        ("/srv/waybill", "nfs4"),
        ("/srvx", None),
        ("/srv/local disk/waybill", None),
    ],
)
def test_a_folder_on_another_machine_is_recognised(
    tmp_path: Path, folder: str, kind: str | None
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)

    assert network_file_system(Path(folder), mounts) == kind


def test_where_nobody_lists_the_mounts_nothing_is_said(tmp_path: Path) -> None:
    assert network_file_system(tmp_path, tmp_path / "missing") is None


def test_a_warning_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 40, 1))

    (warning,) = warnings_of_machine(tmp_path)

    assert "no other program" in warning
    assert "3.51.3" in warning
