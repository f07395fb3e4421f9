"""The settings file on the disk: which one is read, and what is said of one that cannot be."""

from pathlib import Path

import pytest

from service.settings import Settings, SettingsError, load_settings


def test_the_file_in_the_current_folder_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "waybill.toml").write_text('port = 9000\nmax_upload_bytes = "1MB"\n')
    monkeypatch.chdir(tmp_path)

    assert load_settings({}) == Settings(port=9000, max_upload_bytes=1_000_000)


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert load_settings({}) == Settings()


def test_a_named_file_is_read_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "waybill.toml").write_text("port = 9000\n")
    (tmp_path / "other.toml").write_text("port = 9001\n")
    monkeypatch.chdir(tmp_path)

    assert load_settings({"WAYBILL_CONFIG": "other.toml"}).port == 9001
    assert load_settings({}, tmp_path / "other.toml").port == 9001


def test_the_process_has_an_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAYBILL_PORT", "9002")

    assert load_settings().port == 9002


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"there is no file .*none\.toml"):
        load_settings({"WAYBILL_CONFIG": str(tmp_path / "none.toml")})


@pytest.mark.parametrize("content", [b"port = ", b"port: 9000", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.toml").write_bytes(content)

    with pytest.raises(SettingsError, match=r"bad\.toml is no TOML"):
        load_settings({}, tmp_path / "bad.toml")


def test_a_problem_in_the_file_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("[server]\nport = 1\n")

    with pytest.raises(SettingsError, match=r"server in .*my\.toml is no setting"):
        load_settings({}, tmp_path / "my.toml")


def test_a_file_of_absurd_size_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "huge.toml").write_bytes(b"#" * ((1 << 20) + 1))

    with pytest.raises(SettingsError, match="is it the right file"):
        load_settings({}, tmp_path / "huge.toml")
