"""The options of each verb, and the errors that name what was meant."""

import pytest

import jobwidgets as jw
from jobwidgets.magics.parsing.argparse_ext import HelpAsked, flat
from jobwidgets.magics.parsing.parsers import parser_of, read, verb_named
from jobwidgets.magics.verbs import VERBS, overview

EVERY = sorted(VERBS)


def test_every_verb_of_the_overview_can_be_read_and_has_help():
    for verb in VERBS.values():
        assert f"  {verb.name} " in overview()
        with pytest.raises(HelpAsked, match=f"usage: %job {verb.name}"):
            read(verb.name, ["--help"])


@pytest.mark.parametrize("verb", EVERY)
def test_the_examples_of_a_verb_can_be_read(verb):
    import shlex

    for example in VERBS[verb].examples:
        words = shlex.split(example.splitlines()[0].partition("%job ")[2])
        read(
            words[0],
            [
                "x" if word.startswith("$") and words[words.index(word) - 1].startswith("-") else word
                for word in words[1:]
            ],
        )


@pytest.mark.parametrize("verb", EVERY)
def test_no_option_takes_a_secret(verb):
    for option in parser_of(verb).options():
        assert not {"token", "password", "secret", "key"} & set(option.strip("-").split("-"))
    for option in ("--token", "--token=abc", "--password", "--api-key"):
        with pytest.raises(jw.UsageError, match="no option takes a secret") as caught:
            read(verb, [option, "abcdef"])
        assert "abc" not in str(caught.value)


@pytest.mark.parametrize(("word", "meant"), [("cancl", "cancel"), ("ls", None), ("lst", "list"), ("STATUS", "status")])
def test_a_wrong_verb_names_the_nearest(word, meant):
    with pytest.raises(jw.UsageError, match=f"did you mean {meant}" if meant else "no verb") as caught:
        verb_named(word)
    assert "%job help" in str(caught.value)


def test_a_wrong_option_names_the_nearest_and_the_usage():
    with pytest.raises(jw.UsageError, match=r"no option --statu; did you mean --status\? → %job list \[filters\]"):
        read("list", ["--statu", "failed"])


def test_options_cannot_be_shortened():
    with pytest.raises(jw.UsageError, match="did you mean --yes"):
        read("cancel", ["x", "--ye"])


def test_a_wrong_status_names_the_nearest_and_else_all():
    with pytest.raises(jw.UsageError, match=r"--status: no status 'faild'; did you mean failed\?"):
        read("list", ["--status", "faild"])
    with pytest.raises(jw.UsageError, match="there are pending, queued"):
        read("list", ["--status", "zzzz"])


def test_statuses_can_be_written_in_every_usual_way():
    for words in (
        ["--status", "failed", "aborted"],
        ["--status", "failed,aborted"],
        ["--status", "failed", "--status", "aborted"],
    ):
        assert flat(read("list", words).status) == ["failed", "aborted"]


def test_ids_and_options_stand_in_any_order():
    assert read("cancel", ["a", "--yes", "b"]).ids == ["a", "b"]
    assert read("cancel", ["--yes", "a"]).ids == ["a"]
    assert read("plan", ["cancel", "a", "--reason", "x y", "b"]).ids == ["a", "b"]


@pytest.mark.parametrize(
    ("verb", "words", "why"),
    [
        ("list", ["extra"], "one word too many"),
        ("list", ["--limit", "0"], "no number above 0"),
        ("list", ["--limit", "many"], "no number above 0"),
        ("list", ["--limit"], "expected one argument"),
        ("list", ["--api", "rset"], "did you mean rest"),
        ("list", ["--since", "$df"], "holds no text"),
        ("show", [], "required: ID"),
        ("show", ["a", "b"], "one word too many"),
        ("plan", ["cancle"], "did you mean cancel"),
        ("scheduled", ["cancle"], "did you mean cancel"),
        ("demo", ["--seed", "x"], "invalid int"),
    ],
)
def test_a_wrong_line_is_one_clear_error_that_ends_no_process(verb, words, why):
    with pytest.raises(jw.UsageError, match=why) as caught:
        read(verb, words)
    assert "\n" not in str(caught.value)


def test_hostile_words_are_shown_harmless():
    with pytest.raises(jw.UsageError) as caught:
        verb_named("\x1b[31mred\u202e")
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)
