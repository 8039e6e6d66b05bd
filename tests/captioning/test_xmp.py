"""Descriptions in XMP: our own document, and another program's with ours in it."""

from xml.etree import ElementTree

import pytest

from vsepp.captioning.xmp import Xmp, clean, document, merged, read

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
DC = "{http://purl.org/dc/elements/1.1/}"
ODD = 'Tom & "Jerry" <cat>\n2 > 1 小狗 \x85'

LIGHTROOM = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<!-- by hand -->
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 5.6">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/" xmp:Rating="3" xmp:Label="a > b&#xA;c">
   <dc:subject><rdf:Bag><rdf:li>dog</rdf:li></rdf:Bag></dc:subject>%s
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
DESCRIPTION = """
   <dc:description>
    <rdf:Alt>
     <rdf:li xml:lang="de">ein <![CDATA[<Hund>]]></rdf:li>
     <rdf:li xml:lang="x-default">a dog &amp; so on</rdf:li>
    </rdf:Alt>
   </dc:description>"""


def descriptions(data):
    """``{language: text}`` of the only dc:description, by another parser."""
    (found,) = ElementTree.fromstring(data).iter(f"{DC}description")
    languages = "{http://www.w3.org/XML/1998/namespace}lang"
    return {item.get(languages): item.text for item in found.findall(f"{RDF}Alt/{RDF}li")}


def test_a_new_document_is_valid_and_says_what_it_was_given():
    data = document(ODD, "mark-1")

    assert descriptions(data) == {"x-default": ODD}
    assert read(data) == Xmp(ODD, "mark-1")
    assert data.startswith(b"<?xpacket") and data.endswith(b'<?xpacket end="w"?>\n')


def test_what_xml_cannot_hold_is_replaced():
    assert clean("a\x00b\x0c\udcffc\td") == "a\ufffdb\ufffd\ufffdc\td"
    ElementTree.fromstring(document("a\x00b\udcff", "m"))


@pytest.mark.parametrize(
    "there, languages",
    [
        (DESCRIPTION, {"de": "ein <Hund>", "x-default": ODD}),
        (
            DESCRIPTION.replace("x-default", "en-US"),
            {"x-default": ODD, "de": "ein <Hund>", "en-US": "a dog & so on"},
        ),
        ("", {"x-default": ODD}),
        ("<dc:description/>", {"x-default": ODD}),
        ("<dc:description>plain</dc:description>", {"x-default": ODD}),
        ("<dc:description><rdf:Alt/></dc:description>", {"x-default": ODD}),
        (
            '<dc:description><rdf:Alt><rdf:li xml:lang="x-default"/></rdf:Alt></dc:description>',
            {"x-default": ODD},
        ),
    ],
)
def test_a_description_is_put_into_another_program_s_and_the_rest_stays(there, languages):
    before = (LIGHTROOM % there).encode()

    after = merged(before, ODD, "mark-1")

    assert descriptions(after) == languages
    assert read(after) == Xmp(ODD, "mark-1")
    # All that another parser sees of the rest is as it was, and most bytes are literally there.
    for part in LIGHTROOM.partition("%s")[::2]:
        for line in part.splitlines():
            assert line.encode() in after
    again = merged(after, "another", "mark-2")
    assert read(again) == Xmp("another", "mark-2")
    assert merged(again, ODD, "mark-1") == after  # nothing is left of what was between


def test_an_empty_description_is_opened():
    inside = "   <dc:subject><rdf:Bag><rdf:li>dog</rdf:li></rdf:Bag></dc:subject>"
    before = (LIGHTROOM % "").replace(f">\n{inside}\n  </rdf:Description>", "/>").encode()
    assert before.count(b"rdf:Description") == 1

    after = merged(before, ODD, "m")

    assert descriptions(after) == {"x-default": ODD}
    assert b'xmp:Label="a > b&#xA;c">' in after


def test_prefixes_may_be_others():
    before = (LIGHTROOM % DESCRIPTION).replace("rdf:", "r:").replace(":rdf=", ":r=").encode()
    before = before.replace(b"dc:", b"d:").replace(b":dc=", b":d=")

    assert descriptions(merged(before, ODD, "m")) == {"de": "ein <Hund>", "x-default": ODD}


@pytest.mark.parametrize(
    "data, said",
    [
        (b"", "no XML"),
        (b"<a>", "no XML"),
        (b"<a/>", "no rdf:RDF"),
        (b"\xff\xfe<\0a\0/\0>\0", "not in UTF-8"),
        (b'<?xml version="1.0" encoding="latin-1"?><a/>', "in latin-1"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
        (f'<r:RDF xmlns:r="{RDF[1:-1]}"/>'.encode(), "no rdf:Description"),
        (
            (LIGHTROOM % "").replace('xmp:Rating="3"', 'dc:description="short"').encode(),
            "an attribute",
        ),
    ],
)
def test_what_nothing_can_be_put_into(data, said):
    with pytest.raises(ValueError, match=said):
        merged(data, "text", "mark")
