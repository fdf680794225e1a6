"""Sphinx configuration: Markdown pages as they are read on GitHub, and a reference generated from the docstrings.

Build with `sphinx-build -W --keep-going -b html docs docs/_build`; a test does so and wants no warning.
"""

from __future__ import annotations

import re

from pygments.lexers.html import XmlLexer
from pygments.lexers.special import TextLexer

import collsim

project = "collsim"
author = "the authors of collsim"
release = version = collsim.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
myst_heading_anchors = 4
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 100
# What a signature names of collsim has to be in the reference; other projects' pages are not at hand.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(collections|fractions|inspect|networkx|np|numpy|nx|os|pandas|pathlib|pd)\..+"),
    ("py:.*", r"NDArray|Path|Picture|collsim\.registry\.T|.*\[.*"),
]
pygments_style = "xcode"
html_theme = "alabaster"
html_theme_options = {
    "description": "Collective communication on real networks: exact times, proofs, bounds",
    "page_width": "75em",
    "sidebar_width": "16em",
    "body_max_width": "none",
}
html_sidebars = {"**": ["about.html", "searchbox.html", "globaltoc.html"]}
html_copy_source = False


def links_out_of_docs(app, name, source):
    """Make links to files outside docs/, which GitHub shows, links to copies of them."""
    source[0] = re.sub(r"\]\(((?:\.\./)+[^)#]+\.[a-z]+)(?:#[^)]*)?\)", r"](path:\1)", source[0])


def lists_to_contents(app, name, source):
    """Give each list of pages in index.md a table of contents with the same pages, so that one place orders them."""
    if name == "index":
        head, *sections = source[0].split("\n## ")
        made = [head]
        for section in sections:
            pages = re.findall(r"^\* \[(.+)\]\((.+)\.md\)", section, re.MULTILINE)
            entries = "\n".join(f"{title} <{page}>" for title, page in pages)
            caption = section.splitlines()[0]
            made.append(f"{section.rstrip()}\n\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{entries}\n```\n")
        source[0] = "\n## ".join(made)


def plain_to_rst(text):
    """Return a docstring, plain text with `code` and bullets, in reStructuredText that looks the same."""
    parts = re.split(r"`([^`]+)`", text)
    parts[::2] = [re.sub(r"(?m)(?!^\s*\* )([\\*|_])", r"\\\1", part) for part in parts[::2]]
    # A letter right behind code would undo the markup: an escaped blank separates them and is not shown.
    parts[1::2] = [rf"``{code}``\ " for code in parts[1::2]]
    return "".join(parts)


def docstring_as_text(app, what, name, obj, options, lines):
    """Hand autodoc docstrings as what they are."""
    lines[:] = plain_to_rst("\n".join(lines)).splitlines()


def setup(app):
    """Connect all three, and name the languages of topology files, whose blocks the tests read."""
    app.add_lexer("graphml", XmlLexer)
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", links_out_of_docs)
    app.connect("source-read", lists_to_contents)
    app.connect("autodoc-process-docstring", docstring_as_text)
