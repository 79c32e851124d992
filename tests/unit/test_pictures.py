"""What is drawn of what a person received: tests/pictures, from events to HTML."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.human import Seen
from tests.pictures.page import Chat, page
from tests.pictures.sanitise import ALLOWED, escaped, sanitised

YOU, BOT = "@you:example.org", "@adminbot:example.org"
LINK = '<a href="https://x.org/?a&amp;b=&quot;">'
SHOWN_IN = ["README.md", "docs/pictures/README.md"]


def seen(event_id: str, body: str = "", sender: str = BOT, **more: Any) -> Seen:
    content = {"msgtype": "m.text", "body": body, **more.pop("content", {})}
    event: dict[str, Any] = {
        "event_id": event_id, "room_id": "!r", "sender": sender, "type": "m.room.message",
        "state_key": None, "content": content, "new_content": None,
        "relates_to": content.get("m.relates_to"), "encrypted": True, "readable": True,
        "failure": None, "shield": "none", "shield_reason": None, "redacted": False, "ts": 0,
    }  # fmt: skip
    return Seen(**(event | more))


def formatted(event_id: str, html: str) -> Seen:
    content = {"format": "org.matrix.custom.html", "formatted_body": html}
    return seen(event_id, "plain", content=content)


def reaction(event_id: str, to: str, key: str, sender: str) -> Seen:
    relation = {"rel_type": "m.annotation", "event_id": to, "key": key}
    return seen(event_id, sender=sender, type="m.reaction", relates_to=relation)


def replying(event_id: str, body: str, to: str, **more: Any) -> Seen:
    return seen(event_id, body, relates_to={"m.in_reply_to": {"event_id": to}}, **more)


def drawn(*events: Seen) -> str:
    return page(Chat("adminbot", YOU, {BOT: "adminbot", YOU: "you"}, events)).partition("<main>")[
        2
    ]


# -- HTML that somebody sent


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ("a<br>b<hr/>", "a<br>b<hr>"),
        ("<b>x", "<b>x</b>"),
        ("</b>x</i>", "x"),
        ("<ul><li><b>x</ul>y", "<ul><li><b>x</b></li></ul>y"),
        ("<script>alert(1)</script>x", "x"),
        ("<style>a<b>{}</style>x", "x"),
        ("<mx-reply><b>old</b> words</mx-reply>new", "new"),
        ("<marquee><b>x</b></marquee>", "<b>x</b>"),
        ('<img src="https://x.org/x.png">x', "x"),
        ('<b onclick="x()" style="y" class="z">x</b>', "<b>x</b>"),
        ("&lt;b&gt; &amp; &quot;", "&lt;b&gt; &amp; &quot;"),
        ('<a href="https://x.org/?a&amp;b=&quot;" target=_top>x</a>', f"{LINK}x</a>"),
        ('<a href="javascript:alert(1)">x</a>', "<a>x</a>"),
        (' <a href=" JavaScript:alert(1)">x</a>', " <a>x</a>"),
        ("<!-- <b> -->x<!DOCTYPE y><?z ?>", "x"),
        ("<code>https://x.org @a:b.org</code>", "<code>https://x.org @a:b.org</code>"),
        ("to @a:b.org.", "to <a>@a:b.org</a>."),
    ],
)
def test_formatted_bodies_keep_the_tags_of_matrix_and_nothing_else(sent: str, left: str) -> None:
    assert sanitised(sent) == left


def test_what_is_sanitised_is_balanced_and_of_allowed_tags() -> None:
    wild = "<b><i></b></i><table><tr><td>x<script><b></script><p></div><li></p>"
    tags = re.findall(r"<(/?)(\w+)[^>]*>", sanitised(wild))
    still_open: list[str] = []
    for closes, tag in tags:
        assert tag in ALLOWED
        if closes:
            assert still_open.pop() == tag
        else:
            still_open.append(tag)
    assert not still_open


def test_a_plain_body_is_drawn_letter_by_letter() -> None:
    assert escaped("<b>&\nhttps://x.org.") == "&lt;b&gt;&amp;<br><a>https://x.org</a>."
    assert "&lt;script&gt;" in drawn(seen("$1", "<script>"))


def test_a_name_and_a_title_bring_no_tags() -> None:
    drawn_page = page(Chat("<b>", YOU, {BOT: "<i>"}, [seen("$1", "x")]))
    assert "<h1>&lt;b&gt;</h1>" in drawn_page
    assert "<b>&lt;i&gt;</b>" in drawn_page
    assert "default-src 'none'" in drawn_page


# -- what became of a message


def test_an_edited_message_shows_its_newest_words_and_the_edit_is_no_message() -> None:
    newest = {"msgtype": "m.text", "body": "new"}
    relation = {"rel_type": "m.replace", "event_id": "$1"}
    html = drawn(seen("$1", "old", new_content=newest), seen("$2", "* new", relates_to=relation))
    assert "new<span" in html
    assert "(edited)" in html
    assert "old" not in html
    assert html.count("<article") == 1


def test_a_redacted_message_says_so_and_nothing_else() -> None:
    gone = seen("$1", redacted=True, readable=False, type="m.room.encrypted", content={})
    assert "Message deleted" in drawn(gone)
    assert "Unable to decrypt" not in drawn(gone)


def test_what_cannot_be_read_and_who_is_not_trusted_is_shown() -> None:
    closed = seen("$1", readable=False, type="m.room.encrypted", failure="UNKNOWN_SESSION")
    assert "Unable to decrypt: UNKNOWN_SESSION" in drawn(closed)
    doubtful = seen("$2", "x", shield="red", shield_reason="UNSIGNED_DEVICE")
    assert 'class="bad">⛨ UNSIGNED_DEVICE' in drawn(doubtful)
    assert "⛨" not in drawn(seen("$3", "x"))


def test_a_mention_of_the_reader_is_painted_as_clients_paint_it() -> None:
    def mentioning(who: str) -> Seen:
        return seen("$1", "x", content={"m.mentions": {"user_ids": [who]}})

    assert 'class="message mention"' in drawn(mentioning(YOU))
    assert 'class="message"' in drawn(mentioning(BOT))


# -- what belongs to a message


def test_an_answer_quotes_the_first_line_and_its_author() -> None:
    html = drawn(seen("$1", "<first>\nsecond", YOU), replying("$2", "answer", "$1"))
    assert "<blockquote><b>you</b>&lt;first&gt;</blockquote>answer" in html


def test_a_quote_shows_what_the_quoted_message_is_now() -> None:
    gone = seen("$1", redacted=True)
    assert "<b>adminbot</b><i class=" in drawn(gone, replying("$2", "answer", "$1"))
    edited = seen("$1", "old", new_content={"body": "new"})
    assert "<b>adminbot</b>new</blockquote>" in drawn(edited, replying("$2", "x", "$1"))


def test_an_answer_to_a_reaction_looks_as_broken_as_it_does_in_a_client() -> None:
    tap = reaction("$2", "$1", "✅", YOU)
    html = drawn(seen("$1", "sure?"), tap, replying("$3", "done", "$2"))
    assert "This event could not be displayed" in html


def test_reactions_are_chips_in_order_counted_and_the_readers_own_stands_out() -> None:
    html = drawn(
        seen("$1", "sure?"),
        reaction("$2", "$1", "✅", BOT),
        reaction("$3", "$1", "<b>", BOT),
        reaction("$4", "$1", "✅", YOU),
        seen("$5", type="m.reaction", redacted=True, relates_to=None),
    )
    chips = re.findall(r"<footer>(.*)</footer>", html)
    tapped = '<span class="tapped">✅ <small>2</small></span>'
    assert chips == [f"{tapped}<span>&lt;b&gt; <small>1</small></span>"]
    assert "<footer>" not in drawn(seen("$1", "x"), reaction("$2", "$other", "✅", BOT))


def test_one_name_stands_above_what_was_said_in_a_row() -> None:
    join = seen("$0", sender=YOU, type="m.room.member", state_key=YOU)
    html = drawn(join, seen("$1", "a"), seen("$2", "b"), seen("$3", "c", YOU), seen("$4", "d"))
    assert [html.count(f'<section class="{whose}">') for whose in ("theirs", "mine")] == [2, 1]


# -- what is there


@pytest.mark.parametrize("text", SHOWN_IN)
def test_the_pictures_that_are_shown_are_there_and_small(text: str) -> None:
    file = ROOT / text
    shown = re.findall(r'(?:src|srcset)="([^":]+\.png)"', file.read_text())
    assert shown
    for picture in map(Path, shown):
        data = (file.parent / picture).read_bytes()
        assert int.from_bytes(data[16:20]) == 780, picture  # twice 390
        assert len(data) < 150_000, picture
