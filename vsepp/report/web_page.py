"""One HTML page that needs nothing but itself: its frame, its style, and text made safe for it."""

import base64
import html
import unicodedata

# The page may load nothing and run nothing, whatever a caption holds.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

STYLE = """
:root { color-scheme: light dark; --page: #fff; --ink: #1c1e24; --grey: #646a76; --line: #e2e5ea;
  --card: #f6f7f9; --bar: #3f74bd; --image: #2f6fc4; --text: #c9762a; --right: #0f8a46;
  --wash: #e3f4ea }
@media (prefers-color-scheme: dark) { :root { --page: #14161b; --ink: #e8eaee; --grey: #9aa1ae;
  --line: #2c3039; --card: #1c1f26; --bar: #6f9fe0; --image: #7fb0f5; --text: #f0a55c;
  --right: #4cc883; --wash: #17331f } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.25rem 1rem 3rem; max-width: 66rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans",
  "PingFang SC", "Microsoft YaHei", sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .4rem }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .4rem; padding-top: 1.2rem;
  border-top: 1px solid var(--line) }
h3 { font-size: 1rem; margin: 1.6rem 0 .5rem }
p { margin: .3rem 0 .8rem }
figure { margin: 0 }
.note, figcaption, small { color: var(--grey); font-size: .875rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th { font-weight: 600; text-align: left }
.metrics { width: 100%; max-width: 34rem; margin: 1rem 0; overflow-wrap: normal }
.metrics th, .metrics td { padding: .35rem .3rem; border-bottom: 1px solid var(--line);
  text-align: right }
.metrics th:first-child { text-align: left }
.metrics small { display: inline-block; margin-left: .5rem; min-width: 6.2em;
  white-space: nowrap }
@media (max-width: 30rem) { .metrics small { display: block; margin: 0; min-width: 0 } }
.columns { display: grid; gap: 1rem 2.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)) }
.three { grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)) }
.scores { max-width: 20rem }
.ranks { width: 100%; overflow-wrap: normal }
.ranks th, .ranks td { padding: .12rem .5rem .12rem 0; white-space: nowrap; font-weight: 400 }
.ranks td:nth-child(2) { width: 60% }
.ranks td:nth-child(3) { text-align: right; color: var(--grey) }
.ranks i { display: block; height: .8rem; min-width: 1px; border-radius: 2px;
  background: var(--bar) }
.query { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: .8rem; margin: 0 0 .9rem }
.query p:last-child { margin-bottom: 0 }
.words { font-weight: 600; margin: 0 }
.pair { display: grid; gap: .8rem 1.2rem; grid-template-columns: minmax(6rem, 15rem) 1fr }
.pair > * { min-width: 0 }
@media (max-width: 32rem) { .pair { grid-template-columns: 1fr } .pair > figure { width: 60% } }
.sides { display: grid; gap: .8rem 1.2rem; grid-template-columns: minmax(6rem, 11rem) 1fr 1fr }
.sides > * { min-width: 0 }
@media (max-width: 40rem) { .sides { grid-template-columns: 2fr 3fr } .sides > :last-child {
  grid-column: 1 / -1 } }
.looks { display: grid; gap: .7rem; align-items: end;
  grid-template-columns: repeat(auto-fill, minmax(min(8rem, 28%), 1fr)) }
.looks figcaption { color: inherit; text-align: center; padding-bottom: .15rem }
.looks img { margin: 0 auto }
img { display: block; max-width: 100%; height: auto; border-radius: 6px }
ol.found { margin: 0; padding: 0; list-style: none }
ol.found li { padding: .22rem .5rem; border-radius: 5px }
ol.found li.right { background: var(--wash) }
ol.plain li { padding: .1rem 0 }
.times li { display: flex; align-items: baseline }
.times small { flex: 0 0 3.6rem }
.right b { color: var(--right) }
.tiles { display: grid; gap: .6rem; grid-template-columns: repeat(6, 1fr) }
@media (max-width: 40rem) { .tiles { grid-template-columns: repeat(3, 1fr) } }
.tiles img, .tiles .missing { width: 100%; border: 3px solid transparent }
.tiles .right img, .tiles .right .missing { border-color: var(--right) }
.missing { display: flex; align-items: center; justify-content: center; aspect-ratio: 1;
  padding: .4rem; border-radius: 6px; background: var(--line); color: var(--grey);
  font-size: .8rem; text-align: center; overflow: hidden }
svg { display: block; width: 100%; height: auto; font: 11px system-ui, sans-serif }
svg text { fill: var(--grey) }
.map { max-width: 38rem; min-width: 19rem }
.space { min-width: 38rem }
.space circle { fill: var(--image) }
.space path.text { fill: var(--text) }
.space line { stroke: var(--grey); stroke-opacity: .3 }
.space rect { fill: none; stroke: var(--image); stroke-width: 1.5 }
.key { display: inline-block; margin-right: 1.2rem }
.key::before { content: ""; display: inline-block; width: .7rem; height: .7rem;
  margin-right: .4rem; background: var(--image); border-radius: 50% }
.key.text::before { background: var(--text); border-radius: 0;
  clip-path: polygon(50% 0, 100% 100%, 0 100%) }
.curves { min-width: 44rem; background: #fff }
summary { cursor: pointer; color: var(--grey) }
.pairs { padding: 0; list-style: none }
.pairs li { display: grid; grid-template-columns: 1.6rem 3rem 1fr; gap: .6rem;
  align-items: center; padding: .2rem 0 }
.pairs li > * { min-width: 0 }
.pairs .missing { font-size: .55rem; padding: .1rem }
"""


def escape(text):
    """Any text as HTML, on one line, safe inside an element and inside quotes.

    What no file can hold or no screen show, such as control characters and halves of a
    surrogate pair, becomes U+FFFD.

    >>> escape('a "dog" <b>\\x00')
    'a &quot;dog&quot; &lt;b&gt;\\ufffd'
    """
    text = " ".join(str(text).split())
    return html.escape(
        "".join(
            "\ufffd" if unicodedata.category(character) in ("Cc", "Cs") else character
            for character in text
        )
    )


def words(text):
    """A caption or a file name: escaped, and its direction of writing kept to itself."""
    return f'<bdi dir="auto">{escape(text)}</bdi>'


def data_uri(kind, data):
    """Bytes of the MIME type ``kind`` as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def section(title, body, note=""):
    """A titled part of the page.

    Args:
        title, note: plain text; the note stands below the title.
        body: HTML.
    """
    note = f'<p class="note">{escape(note)}</p>\n' if note else ""
    return f"<section>\n<h2>{escape(title)}</h2>\n{note}{body}\n</section>"


def document(title, body):
    """A whole page with ``title`` (plain text) and ``body`` (HTML)."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
{body}
</body>
</html>
"""
