"""A curve of open-loop traffic as a value: what a prompt and a notebook's cell show of it."""

from collsim import traffic


def test_a_curve_shows_itself():
    curve = traffic("switch4", [0.2, 0.4], packet=4, engine="simpy", measure=500)
    assert repr(curve) == str(curve)
    assert str(curve).count("\n") == 1
    assert curve._repr_html_().count("<tr") == 3
