"""What a ping URL says: each form that the peer takes, the kinder ones, and what is refused with which words."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastseen.core.check import Kind
from lastseen.pinging.url import BadPingError, NoSuchPathError, Signal, Target, read_path, read_query, read_rid

UUID = "7b0a3c52-94ad-4b1e-8f0e-2d1c5a6b7f80"
BARE = UUID.replace("-", "")
BY_UUID = Target(uuid=UUID)
BY_SLUG = Target(ping_key="pIn-g_Key", slug="nightly")


@pytest.mark.parametrize("final", ["", "/"])
@pytest.mark.parametrize(("base", "target"), [(UUID, BY_UUID), ("pIn-g_Key/nightly", BY_SLUG)])
@pytest.mark.parametrize(
    ("suffix", "signal"),
    [
        ("", Signal(Kind.SUCCESS)),
        ("/start", Signal(Kind.START)),
        ("/fail", Signal(Kind.FAIL)),
        ("/log", Signal(Kind.LOG)),
        ("/0", Signal(Kind.SUCCESS, exit_status=0)),
        ("/1", Signal(Kind.FAIL, exit_status=1)),
        ("/255", Signal(Kind.FAIL, exit_status=255)),
    ],
)
def test_each_form_is_read_by_uuid_and_by_slug_with_a_final_slash_and_without(
    base: str, target: Target, suffix: str, signal: Signal, final: str
) -> None:
    assert read_path(base + suffix + final) == (target, signal)


@pytest.mark.parametrize("rest", ["", "/start", "/log", "/3", "/TERM"])
@pytest.mark.parametrize(
    "copied", [" ", "%20", "\n", "%0A", "\r", "%0D", "%0d%0a", "\r\n", "%09", "%C2%A0", "\ufeff", "%00", "%E2%80%8E"]
)
def test_what_copying_leaves_at_the_end_of_a_url_or_a_key_loses_no_ping(copied: str, rest: str) -> None:
    for base in (UUID, "pIn-g_Key/nightly"):
        meant = read_path(base + rest)
        assert read_path(base + rest + copied) == meant  # the URL from a file with CRLF line ends
        assert read_path(base + copied + rest) == meant  # its base from there
        assert read_path(f"{base}{rest}/{copied}") == meant
    assert read_path(f"pIn-g_Key{copied}/nightly{rest}") == read_path(f"pIn-g_Key/nightly{rest}")


COPIED = st.text(" \t\r\n\u00a0\u200b\ufeff", max_size=4)
PARTS = st.one_of(
    st.lists(st.text("0123456789abcdefABCDEFstartlogfi-_+.%é", max_size=8), min_size=1, max_size=4),
    st.sampled_from([[UUID], [UUID, "start"], ["k", "nightly"], ["k", "nightly", "137"]]),
)


@given(PARTS, st.data(), st.sampled_from(["as it is", "percent-encoded"]))
def test_a_path_says_the_same_with_blanks_around_its_parts_decoded_or_not(
    parts: list[str], data: st.DataObject, form: str
) -> None:
    def reading(path: str) -> object:
        try:
            return read_path(path)
        except (BadPingError, NoSuchPathError) as error:
            return str(error)

    padded = [data.draw(COPIED) + part + data.draw(COPIED) for part in parts]
    path = "/".join(quote(part, safe="%") if form == "percent-encoded" else part for part in padded)
    assert reading(path) == reading("/".join(parts))


@pytest.mark.parametrize("rest", ["", "start", "3"])
@pytest.mark.parametrize("base", [UUID, "pIn-g_Key/nightly"])
def test_a_slash_too_many_loses_no_ping(base: str, rest: str) -> None:
    for path in (f"/{base}/{rest}", f"{base}//{rest}", f"//{base}//{rest}//", f"%20/{base}/{rest}"):
        assert read_path(path) == read_path(f"{base}/{rest}")


@pytest.mark.parametrize("path", ["pIn-g_Key//start", "//start", "/nightly", "/start/"])
def test_a_part_that_is_missing_is_not_taken_from_behind(path: str) -> None:
    """A script whose slug or key is empty must not ping the check `start`."""
    with pytest.raises((BadPingError, NoSuchPathError)):
        read_path(path)


@pytest.mark.parametrize("copied", ["%0D", "%0A", "%20", "+"])
def test_the_last_parameter_of_a_copied_url_counts(copied: str) -> None:
    assert read_query(f"create=1{copied}") == {"create": "1"}
    assert read_rid(read_query(f"create=1&rid={UUID}{copied}")["rid"]) == UUID


@pytest.mark.parametrize("written", [UUID.upper(), UUID.title(), BARE, BARE.upper()])
def test_a_uuid_is_taken_in_any_case_with_hyphens_and_without(written: str) -> None:
    assert read_path(f"{written}/start") == (BY_UUID, Signal(Kind.START))


@pytest.mark.parametrize(
    ("word", "signal"),
    [
        ("256", Signal(Kind.FAIL, note="exit status 256")),
        ("-1", Signal(Kind.FAIL, note="exit status -1")),
        ("3221225786", Signal(Kind.FAIL, note="exit status 3221225786")),  # Windows: interrupted
        ("-1073741510", Signal(Kind.FAIL, note="exit status -1073741510")),  # the same, as PowerShell says it
        ("9" * 5000, Signal(Kind.FAIL, note="exit status " + "9" * 100)),
        ("TERM", Signal(Kind.FAIL, note="signal TERM")),  # systemd's $EXIT_STATUS
        ("SIGKILL", Signal(Kind.FAIL, note="signal KILL")),
        ("RTMIN+3", Signal(Kind.FAIL, note="signal RTMIN+3")),
        ("007", Signal(Kind.FAIL, exit_status=7)),
        ("+0", Signal(Kind.SUCCESS, exit_status=0)),
        ("-0", Signal(Kind.SUCCESS, exit_status=0)),
    ],
)
def test_an_end_that_the_peer_would_lose_is_kept_with_its_reason(word: str, signal: Signal) -> None:
    assert read_path(f"{UUID}/{word}") == (BY_UUID, signal)
    assert read_path(f"pIn-g_Key/nightly/{word}/") == (BY_SLUG, signal)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "x",
        "pIn-g_Key/",
        f"{UUID}/finish",
        f"{UUID}/START",
        f"{UUID}/1.0",
        f"{UUID}/0x1",
        f"{UUID}/\u0663",  # a digit, but no ASCII one
        f"{UUID}/1\n2",
        f"{UUID}/SIG",
        f"{UUID}/SIGSIGTERM",
        f"{UUID}/SIGNAL",
        f"{UUID}/start/extra",
        f"{UUID[:-1]}",
        f"{UUID}0",
        f"{UUID}\n0",
        f"{{{UUID}}}",
        "key with blanks/nightly",
        "k\udcffy/nightly",
        "pIn-g_Key/nightly/start/extra",
    ],
)
def test_what_is_no_ping_is_told_with_the_forms(path: str) -> None:
    with pytest.raises(NoSuchPathError, match=r"^not found: .*/ping/<uuid>.*/ping/<ping key>/<slug>.*/start"):
        read_path(path)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("key/Nightly", "invalid slug: only the characters a-z, 0-9, - and _"),
        ("key/n\u00e4chtlich", "invalid slug: only the characters a-z, 0-9, - and _"),
        ("key//start", "invalid slug: only the characters a-z, 0-9, - and _"),
        ("key/night\nly", "invalid slug: only the characters a-z, 0-9, - and _"),
        ("key/" + "n" * 101, "invalid slug: at most 100 characters, this one has 101"),
        ("k" * 101 + "/nightly", "invalid ping key: at most 100 characters, this one has 101"),
    ],
)
def test_a_slug_or_key_of_the_wrong_form_is_told_with_the_right_one(path: str, words: str) -> None:
    with pytest.raises(BadPingError) as error:
        read_path(path)
    assert str(error.value) == words


def test_slugs_and_keys_may_have_a_hundred_characters() -> None:
    assert read_path("k" * 100 + "/" + "n" * 100) == (Target(ping_key="k" * 100, slug="n" * 100), Signal())


@pytest.mark.parametrize("written", [UUID, UUID.upper(), BARE, BARE.upper()])
def test_a_run_id_is_a_uuid_in_any_form_and_shown_in_one(written: str) -> None:
    assert read_rid(written) == UUID


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_run_id_is_none(nothing: str | None) -> None:
    assert read_rid(nothing) is None


@pytest.mark.parametrize("written", ["1", "x" * 36, UUID + "0", UUID + "\n", UUID.replace("-", "_"), "\u0663" * 32])
def test_a_run_id_that_is_no_uuid_is_told_with_an_example(written: str) -> None:
    with pytest.raises(BadPingError, match=r"^invalid rid: a run id is a UUID, like [0-9a-f-]{36}$"):
        read_rid(written)


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("", {}),
        ("create=1&rid=x", {"create": "1", "rid": "x"}),
        ("create=0&create=1", {"create": "1"}),
        ("schedule=*/5+*+*+*+*&tz=Europe%2FBerlin", {"schedule": "*/5 * * * *", "tz": "Europe/Berlin"}),
        ("name=&rid", {"name": "", "rid": ""}),
        ("name=%FF!%C3", {"name": "\ufffd!\ufffd"}),
        ("&&=&%zz=1", {"": "", "%zz": "1"}),
    ],
)
def test_a_query_is_read_whatever_it_holds(query: str, read: dict[str, str]) -> None:
    assert read_query(query) == read
