from vsepp.report.web_page import data_uri, document, escape, section, words


def test_text_becomes_harmless():
    assert (
        escape("<script>alert('x')</script> & \"y\"")
        == "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; &quot;y&quot;"
    )


def test_what_cannot_be_written_is_replaced():
    text = escape("a\x00b\ud800c\x1b[31m\nd\te")
    assert text == "a\ufffdb\ufffdc\ufffd[31m d e"
    assert document(text, words("\udcff.jpg")).encode("utf-8")


def test_writing_from_right_to_left_stays_inside():
    assert words("\u202eabc") == '<bdi dir="auto">\u202eabc</bdi>'


def test_a_page_may_load_nothing():
    page = document("a < b", section("t & u", "<p>body</p>", "n < m"))
    assert "<title>a &lt; b</title>" in page and "<h2>t &amp; u</h2>" in page and "n &lt; m" in page
    assert "default-src 'none'; img-src data:" in page
    assert "prefers-color-scheme: dark" in page and "width=device-width" in page
    assert "://" not in page and "<script" not in page


def test_bytes_are_their_own_address():
    assert data_uri("image/png", b"\x00\xff") == "data:image/png;base64,AP8="
