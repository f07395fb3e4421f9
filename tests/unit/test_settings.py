"""Settings: which place wins, what a value may look like, and what a mistake is told."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from service.settings import (
    Settings,
    SettingsError,
    describe_settings,
    refuse_open_door,
    settings_from,
    settings_page,
    warnings_of,
)

QSTASH = {
    "QSTASH_TOKEN": "token-of-qstash",
    "QSTASH_CURRENT_SIGNING_KEY": "sig_current",
    "QSTASH_NEXT_SIGNING_KEY": "sig_next",
    "WAYBILL_PUBLIC_URL": "https://waybill.example",
}


def read(
    environment: Mapping[str, str] | None = None,
    file: Mapping[str, object] | None = None,
    flags: Mapping[str, object] | None = None,
) -> Settings:
    return settings_from(environment=environment or {}, file=file or {}, flags=flags or {})


def problems_of(
    environment: Mapping[str, str] | None = None, file: Mapping[str, object] | None = None
) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(environment, file)
    return list(caught.value.problems)


def test_nothing_written_gives_the_defaults() -> None:
    assert read() == Settings()


def test_the_file_wins_over_the_default() -> None:
    assert read(file={"port": 9000}).port == 9000


def test_the_environment_wins_over_the_file() -> None:
    assert read({"WAYBILL_PORT": "9001"}, {"port": 9000}).port == 9001


def test_a_flag_wins_over_the_environment() -> None:
    assert read({"WAYBILL_PORT": "9001"}, flags={"port": 9002, "host": None}).port == 9002


def test_an_empty_value_counts_as_not_set() -> None:
    assert read({"WAYBILL_PORT": "", "WAYBILL_API_TOKEN": ""}) == Settings()


@pytest.mark.parametrize(
    ("written", "bytes_"),
    [("100MB", 100_000_000), ("64MiB", 67_108_864), ("1.5 gib", 1_610_612_736), ("4096", 4096)],
)
def test_a_size_may_have_a_unit(written: str, bytes_: int) -> None:
    assert read({"WAYBILL_MAX_UPLOAD_BYTES": written}).max_upload_bytes == bytes_


@pytest.mark.parametrize(
    ("written", "seconds"), [("90", 90), ("90s", 90), ("2m", 120), ("1h", 3600), ("0.25", 0.25)]
)
def test_a_duration_may_have_a_unit(written: str, seconds: float) -> None:
    assert read({"WAYBILL_WORKER_SECONDS": written}).worker_seconds == seconds


def test_retry_delays_are_a_list() -> None:
    assert read({"WAYBILL_RETRY_DELAYS": "1, 2s,1m"}).retry_delays == (1, 2, 60)
    assert read(file={"retry_delays": [1, "2s", "1m"]}).retry_delays == (1, 2, 60)


def test_a_url_loses_its_last_slash() -> None:
    assert read({"WAYBILL_PUBLIC_URL": "https://a.example/"}).public_url == "https://a.example"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:very-secret@db.example:5433/waybill?sslmode=verify-full",
        "postgresql://db/waybill",
        "postgresql:///waybill?host=/run/postgresql",
    ],
)
def test_a_database_is_named_by_its_url(url: str) -> None:
    assert read({"WAYBILL_DATABASE_URL": url}).database_url == url
    assert read({"WAYBILL_DATABASE_URL": url.replace("ql:", ":", 1)}) == read(
        {"WAYBILL_DATABASE_URL": url}
    )
    assert "very-secret" not in repr(read({"WAYBILL_DATABASE_URL": url}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("PORT", value) for value in ("http", "-1", "65536", "1.5", "٣", "1_000", "0x10")],
        *[("MAX_UPLOAD_BYTES", value) for value in ("0", "big", "10 bananas", "-5", "1e3")],
        *[("WORKER_SECONDS", value) for value in ("0", "soon", "2 weeks", "25h", "nan", "inf")],
        *[("DELIVERY_SECONDS", value) for value in ("0.5", "500ms", "0")],
        *[("RETRY_DELAYS", value) for value in ("1,,2", "1;2", "0.5", ",".join(["1"] * 101))],
        *[("LOG_LEVEL", value) for value in ("loud", "info,debug")],
        *[("PUBLIC_URL", value) for value in ("a.example", "ftp://a", "http://a/?b", "http://a:b")],
        *[("STORAGE_URL", value) for value in ("http://a", "s3://", "bucket", "memory:///")],
        *[("API_TOKEN", value) for value in ("two words", "schlüssel")],
        *[
            ("DATABASE_URL", f"{start}very-secret@{rest}")
            for start, rest in (
                ("mysql://ada:", "db/waybill"),
                ("postgresql://ada:", "db"),
                ("postgresql://ada:", "/waybill"),
                ("postgresql://ada:", "db:five/waybill"),
                ("postgresql://ada:", "db/waybill?application_name=x"),
                ("postgresql://ada:", "db/waybill/more"),
            )
        ],
    ],
)
def test_a_value_that_does_not_do_is_named_with_what_is_allowed(name: str, value: str) -> None:
    [problem] = problems_of({f"WAYBILL_{name}": value})

    assert problem.startswith(f"WAYBILL_{name}: ")
    assert "it must be " in problem
    assert (repr(value)[:100] in problem) == (name not in ("API_TOKEN", "DATABASE_URL"))
    assert "very-secret" not in problem


def test_every_problem_is_told_at_once() -> None:
    problems = problems_of({"WAYBILL_PORT": "http", "WAYBILL_WORKERS": "many"}, {"attempts": 0})

    assert len(problems) == 3
    assert any("attempts in waybill.toml: '0'" in problem for problem in problems)


def test_an_unknown_name_is_an_error_with_a_guess() -> None:
    problems = problems_of(
        {"WAYBILL_FOO": "1", "WAYBILL_PROT": "1"}, {"max_upload_byte": 1, "colour": "blue"}
    )

    assert problems == [
        "WAYBILL_FOO is no setting; docs/reference/settings.md lists them all",
        "WAYBILL_PROT is no setting; did you mean WAYBILL_PORT?",
        "colour in waybill.toml is no setting; docs/reference/settings.md lists them all",
        "max_upload_byte in waybill.toml is no setting; did you mean max_upload_bytes?",
    ]


def test_what_is_not_ours_in_the_environment_is_left_alone() -> None:
    assert read({"PATH": "/bin", "WAYBILLS": "7", "QSTASH_REGION": "eu"}) == Settings()


def test_a_secret_is_in_no_text() -> None:
    settings = read(QSTASH | {"WAYBILL_API_TOKEN": "token-of-ours"})

    for secret in ("token-of-qstash", "sig_current", "sig_next", "token-of-ours"):
        assert secret not in repr(settings)
        assert secret not in str(problems_of({"WAYBILL_API_TOKEN": f"{secret} {secret}"}))


def test_with_nothing_configured_the_embedded_broker_is_used() -> None:
    assert read().uses_embedded_broker


def test_with_a_token_qstash_is_used() -> None:
    assert not read(QSTASH).uses_embedded_broker


@pytest.mark.parametrize("missing", sorted(QSTASH))
def test_a_missing_part_of_qstash_is_named(missing: str) -> None:
    environment = {name: value for name, value in QSTASH.items() if name != missing}

    [problem] = problems_of(environment)

    assert problem.startswith(f"{missing} is not set, but QSTASH_")


def test_without_a_broker_qstash_must_be_configured() -> None:
    problems = problems_of({"WAYBILL_BROKER": "off"})

    assert len(problems) == 4
    assert all("WAYBILL_BROKER is 'off'" in problem for problem in problems)


def test_a_qstash_on_this_machine_needs_no_public_url() -> None:
    environment = QSTASH | {"QSTASH_URL": "http://127.0.0.1:8080", "WAYBILL_PUBLIC_URL": ""}

    assert read(environment).public_url is None


def test_qstash_repeats_longer_than_we_do() -> None:
    assert read({"WAYBILL_ATTEMPTS": "6"}).transport_retries == 8
    assert read({"WAYBILL_QSTASH_RETRIES": "5"}).transport_retries == 5
    [problem] = problems_of({"WAYBILL_QSTASH_RETRIES": "2"})
    assert "QStash would give up first" in problem


def test_a_lease_never_outlasts_its_delivery() -> None:
    assert read({"WAYBILL_DELIVERY_SECONDS": "20"}).lease_seconds == 20


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_on_this_machine_alone_no_token_is_needed(host: str) -> None:
    refuse_open_door(read({"WAYBILL_HOST": host}))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "waybill.example", "127.evil"])
def test_an_open_door_needs_a_token(host: str) -> None:
    with pytest.raises(SettingsError, match="WAYBILL_API_TOKEN is not set"):
        refuse_open_door(read({"WAYBILL_HOST": host}))

    refuse_open_door(read({"WAYBILL_HOST": host, "WAYBILL_API_TOKEN": "long-and-secret"}))


def test_relaxed_durability_is_warned_of() -> None:
    assert warnings_of(read()) == ()
    assert "power cut" in warnings_of(read({"WAYBILL_DURABILITY": "relaxed"}))[0]


def test_every_default_may_be_written_down() -> None:
    for declaration in describe_settings():
        if declaration.default not in (None, ""):
            shown = declaration.kind.show(declaration.default)
            assert declaration.kind.parse(shown) == declaration.default, declaration.key


def test_every_setting_has_a_meaning_of_one_sentence() -> None:
    for declaration in describe_settings():
        assert declaration.meaning.endswith("."), declaration.key
        assert len(declaration.meaning) < 100, declaration.key


def test_the_page_names_every_setting() -> None:
    page = settings_page()

    for declaration in describe_settings():
        assert f"| `{declaration.variable}` | `{declaration.key}` |" in page


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Settings().data = Path()  # type: ignore[misc] # the point of the test
