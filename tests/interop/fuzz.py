"""Damage to files: every prefix, and single characters replaced; a reader must refuse with a CollsimError or read."""

import random

from collsim.errors import CollsimError
from collsim.topology.files import read_file


def damaged(text, seed=1, flips=150, step=1):
    """Yield every `step`-th prefix of `text`, and copies with one or two characters changed."""
    yield from (text[:end] for end in range(0, len(text), step))
    rng = random.Random(seed)
    for _ in range(flips):
        letters = list(text)
        for _ in range(rng.choice((1, 2))):
            letters[rng.randrange(len(letters))] = rng.choice("0123456789-\"'<>{}[]:,. \n\x00aeβ")
        yield "".join(letters)


def survives(path, text, **how):
    """Read every damaged copy of `text` at `path`; return how many were refused."""
    said = []
    for broken in damaged(text, **how):
        path.write_text(broken)
        try:
            read_file(path)
        except CollsimError as error:
            said.append(str(error))
    assert [text for text in said if str(path) not in text or "\n" in text] == []
    return len(said)
