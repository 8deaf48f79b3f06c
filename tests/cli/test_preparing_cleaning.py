"""Cleaning of texts: markup, characters and whitespace."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sk_m2v.cli.preparing._cleaning import (
    clean,
    collapse_whitespace,
    normalize_characters,
)
from sk_m2v.cli.preparing._html import strip_markup

# Characters that meet each other in the rules, besides any others.
CHOSEN = st.sampled_from(
    "a eé\u0301\u0308\u0338\u200b\u200c\u200d\ufeff\u00ad\u2060\ufe0f\u2764\u2adc\u2640"
    "\U0001f468\U0001f469\U0001f3fd\u0645\u06cc\u0915\u094d\u0dca\u061c"
    "\x00\x07\x0b\x85\u2028\u00a0\t\n\ud83d\ude00"
)
ANY = st.characters(exclude_categories=())
TEXTS = st.text(CHOSEN | ANY, max_size=30)
MARKUP = st.lists(
    st.sampled_from(
        [
            *(
                "<b>",
                "</b>",
                "<p>",
                "</p>",
                "<br/>",
                "<a href='x>y'>",
                "<",
                ">",
                "<!--",
            ),
            *(
                "-->",
                "<![CDATA[",
                "]]>",
                "<![endif]",
                "<!DOCTYPE",
                "<script>",
                "<?",
                "</",
            ),
            *(
                "</script>",
                "<style",
                "&amp;",
                "&#",
                "&#x0;",
                "&lt",
                '"',
                "=",
                "word",
                " ",
            ),
        ]
    )
    | st.text(max_size=3),
    max_size=20,
).map("".join)


def cleaned(text: str) -> str:
    return clean([text], html=False, characters=True, whitespace=True)[0][0]


@given(TEXTS)
def test_cleaning_again_changes_nothing(text: str) -> None:
    once = cleaned(text)
    assert cleaned(once) == once
    assert normalize_characters(normalize_characters(text)) == normalize_characters(
        text
    )


@given(TEXTS)
def test_cleaned_texts_are_normal_and_can_be_written(text: str) -> None:
    once = cleaned(text)
    once.encode("utf-8")
    assert unicodedata.is_normalized("NFC", once)
    assert once == " ".join(once.split())
    assert not any(unicodedata.category(it) == "Cc" for it in once)
    assert not set(once) & set("\u00ad\u200b\u200e\u200f\u2060\ufeff")


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"])))
def test_words_stay_as_they_are(text: str) -> None:
    normal = unicodedata.normalize("NFC", text)
    assert cleaned(text) == " ".join(normal.split())


@pytest.mark.parametrize(
    "emoji",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family
        "\U0001f469\U0001f3fd\u200d\U0001f4bb",  # with a tone of skin
        "\U0001f3f3\ufe0f\u200d\U0001f308",  # with a variation selector
        "\u2764\ufe0f\u200d\U0001f525",
        "\U0001f3c3\u200d\u2640\ufe0f",
        "\U0001f1e9\U0001f1ea",  # a flag
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "1\ufe0f\u20e3",  # a key
    ],
)
def test_emoji_survive(emoji: str) -> None:
    assert cleaned(f"so {emoji} and{emoji}{emoji}") == f"so {emoji} and{emoji}{emoji}"


@pytest.mark.parametrize(
    "word",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian
        "\u0915\u094d\u200d\u0937",  # Devanagari, with a joiner
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala
        "q\u0323\u0307",  # marks that compose with nothing
        "\u05e9\u05b8\u05dc\u05d5\u05b9\u05dd",  # Hebrew points
    ],
)
def test_marks_and_joiners_of_words_survive(word: str) -> None:
    assert cleaned(word) == word


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("e\u0301", "é"),
        ("e\u200b\u0301", "é"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("join\u200ded \u200d", "joined"),
        ("\U0001f468\u200d", "\U0001f468"),
        ("\U0001f468\u200da", "\U0001f468a"),
        ("hy\u00adphen", "hyphen"),
        ("\u202eright to left\u202c", "right to left"),
        ("bell\x07 nul\x00 escape\x1b", "bell nul escape"),
        ("page\x0cbreak next\x85line unit\x1fs", "page break next line unit s"),
        ("a\u00a0b\u2003c\u2028d", "a b c d"),
        ("\ud83d\ude00", "\U0001f600"),
        ("lone \ud83d", "lone \ufffd"),
        (" \t\r\n ", ""),
    ],
)
def test_characters(raw: str, expected: str) -> None:
    assert cleaned(raw) == expected


def test_whitespace_stays_when_only_characters_are_cleaned() -> None:
    assert normalize_characters(" a\t\n\r\n  b\x0b ") == " a\t\n\r\n  b  "
    assert collapse_whitespace("\u200ba \n b") == "\u200ba b"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("b<b>ol</b>d", "bold"),
        ("one<br>two<BR/>three", "one\ntwo\nthree"),
        ("<td>a</td><td>b</td>", "a\n\nb"),
        ("Fish &amp; chips &lt;3 &#8364;5 &eacute;", "Fish & chips <3 €5 é"),
        ("a<script>if (a<b) alert('x')</script>b", "a\n\nb"),
        ("a<style>p {color: red}</style>b", "a\n\nb"),
        ("a<SCRIPT src=x />b", "a\nb"),
        ("a<script>never closed", "a"),
        ("a<script>never <b>closed</b> &amp;", "a"),
        ("a<!-- a <b>comment</b> -->b", "ab"),
        ("<!DOCTYPE html><html><title>t</title>x</html>", "t\nx"),
        ("<a href='x>y' title=\"<b>\">link</a>", "link"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("I <3 you", "I <3 you"),
        ("x <y z", "x <y z"),
        ("AT&T, R&D; a & b", "AT&T, R&D; a & b"),
        ("<![if !supportLists]>1.<![endif]> one", "1. one"),
        ("<![foo[ <b>x</b>", "x"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),  # once: it is a text about a tag
        ("plain", "plain"),
    ],
)
def test_html(raw: str, expected: str) -> None:
    assert strip_markup(raw) == expected


@given(MARKUP)
def test_any_markup_is_read(text: str) -> None:
    strip_markup(text)


@given(st.text(st.characters(exclude_characters="<&")))
def test_texts_without_markup_stay(text: str) -> None:
    assert strip_markup(text) == text


@pytest.mark.parametrize("piece", ["<a ", "<!--", "</", "<", "<![CDATA[", "&", "<a x="])
@pytest.mark.timeout(10)
def test_long_damaged_markup_is_read_quickly(piece: str) -> None:
    strip_markup(piece * 20_000)
    strip_markup(piece * 20_000 + ">")


def test_steps_are_counted() -> None:
    texts = ["a", " b ", "<i>c</i>\u200b", "d\x00  d"]
    done, changed = clean(texts, html=True, characters=True, whitespace=True)
    assert done == ["a", "b", "c", "d d"]
    assert changed == {"html": 1, "unicode": 2, "whitespace": 2}
    assert clean(texts, html=False, characters=False, whitespace=False) == (texts, {})


def test_markup_goes_before_characters_and_whitespace() -> None:
    texts = ["<p>a&nbsp;&#8203;</p> <p>b&#0;</p>"]
    assert clean(texts, html=True, characters=True, whitespace=True)[0] == ["a b\ufffd"]
