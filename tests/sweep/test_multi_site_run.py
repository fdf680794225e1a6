"""Parts of a step see links as they have become by the time that the part begins."""

from collsim.network.link_changes import LinkChange
from collsim.sweep.multi_site_run import changes_from


def test_what_has_changed_is_there_from_the_start_and_the_rest_comes_later():
    changes = (LinkChange(0, 7, 5), LinkChange(10, 3, 0), LinkChange(20, 3, 100), LinkChange(30, 4, 9), LinkChange(31, 3, 8))
    assert changes_from(changes, 0) == tuple(sorted(changes))
    assert changes_from(changes, 15) == (
        LinkChange(0, 3, 0),
        LinkChange(0, 7, 5),
        LinkChange(5, 3, 100),
        LinkChange(15, 4, 9),
        LinkChange(16, 3, 8),
    )
    assert changes_from(changes, 30) == (
        LinkChange(0, 3, 100),
        LinkChange(0, 4, 9),
        LinkChange(0, 7, 5),
        LinkChange(1, 3, 8),
    )
    assert changes_from((), 30) == ()
