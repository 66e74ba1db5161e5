"""The Data Docs load nothing and run nothing, whatever the delivered names are."""

from __future__ import annotations

from lepton.contract.data_docs import POLICY, offline

PAGE = """<!DOCTYPE html><html><head><title>t</title><link rel="stylesheet" href="https://cdn.example/x.css">
<script src="https://cdn.example/x.js"></script><style>a{background:url('https://cdn.example/logo.png')}</style></head>
<body onload="alert(1)"><img src="https://cdn.example/logo.png"><p>column <script>window.hacked=1</script>heat</p>
<a href="../index.html">back</a><footer><a href="https://example.org/newsletter">join</a></footer></body></html>"""


def test_what_a_page_loads_or_runs_is_taken_out_and_what_it_says_stays() -> None:
    page = offline(PAGE)
    assert "cdn.example" not in page
    assert "<script" not in page
    assert "onload" not in page
    assert "newsletter" not in page
    assert "heat" in page
    assert 'href="../index.html"' in page


def test_a_policy_stands_before_everything_else_and_is_put_in_once() -> None:
    page = offline(PAGE)
    assert page.index(POLICY) < page.index("<title>")
    assert page.count(POLICY) == 1
