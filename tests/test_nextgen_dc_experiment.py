"""experiments/nextgen_dc: its tables are its rows, laws hold where the page says so, and single numbers come again."""

import sys
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).resolve().parent.parent / "experiments" / "nextgen_dc"
PAGE = (FOLDER / "README.md").read_text()
CONFIG = yaml.safe_load((FOLDER / "config.yaml").read_text())


@pytest.fixture
def study(monkeypatch):
    """The modules of the folder, found as when run.py is run there."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import sites
    import sites_report
    import store

    yield sites, sites_report, store
    for name in ("sites", "sites_report", "store"):
        sys.modules.pop(name)


def test_the_tables_are_what_the_rows_hold(study):
    for name, table in study[1].tables().items():
        assert f"<!-- {name} -->\n{table}<!-- end -->" in PAGE


def test_all_that_the_configuration_names_was_run(study):
    ways, rows = CONFIG["ways"], study[1].read("ways")
    wanted = {(t, r, loss) for t in ways["round_trips"] for r in ways["wan_rates"] for loss in ways["losses"]}
    assert {(row["round_trip"], row["wan_rate"], row["loss_rate"]) for row in rows} == wanted
    machines = CONFIG["collective"]["machines"]
    assert {(r["machine"], r["algorithm"]) for r in study[1].read("collective")} == {
        (machine, algorithm) for machine, algorithms in machines.items() for algorithm in algorithms
    }


def test_laws_hold_within_what_the_page_says(study):
    for row in study[1].read("ways"):
        slack = 0.015 if row["way"] == "late" else 0.01
        assert float(row["step_s"]) == pytest.approx(float(row["step_law_s"]), rel=slack), row
        assert int(row["wan_bytes"]) == int(row["wan_bytes_law"])


def test_a_hierarchy_sends_the_parameters_once_each_way(study):
    for row in study[1].read("ways"):
        if row["way"] in ("hierarchical", "swap", "late"):
            assert int(row["wan_bytes"]) == 2 * int(row["parameters"])


def test_the_finding_says_what_the_rows_say(study):
    rows = {(r["way"], r["wan_rate"], r["round_trip"]): r for r in study[1].read("ways")}

    def value(way, rate, trip="60ms", column="step_s"):
        return float(rows[way, rate, trip][column])

    finding = " ".join(PAGE.split("## Finding")[1].split())
    needed = "266.7Gb/s"
    exchange, ring = (value(way, needed, column="communication_s") for way in ("hierarchical", "flat"))
    assert (
        f"the exchange takes {exchange:.1f} s: behind the step it doubles it ({value('hierarchical', needed):.0f} s)"
        in finding
    )
    assert f"the period is {value('late', needed):.2f} s" in finding
    assert f"{value('late', '128Gb/s'):.1f} s at half of it" in finding
    assert (
        f"takes {ring / exchange:.2f} times less than a flat ring there** ({exchange:.1f} against {ring:.1f} s)" in finding
    )
    flat, hierarchy = value("flat", "12.8Tb/s"), value("hierarchical", "12.8Tb/s")
    assert f"({flat:.2f} against {hierarchy:.2f} s a step)" in finding
    grown = value("hierarchical", "12.8Tb/s", "600ms") - value("hierarchical", "12.8Tb/s", "2ms")
    assert f"grows by {grown:.2f} s of {value('hierarchical', '12.8Tb/s', '2ms'):.1f}" in finding
    assert (
        f"{value('pipeline', '64Gb/s'):.2f} s at 64 Gb/s, where the late exchange takes {value('late', '64Gb/s'):.1f} s"
        in finding
    )
    fewer = float(rows["late", needed, "60ms"]["wan_bytes"]) / float(rows["pipeline", needed, "60ms"]["wan_bytes"])
    assert f"for {fewer:.1f} times fewer bytes" in finding
    assert f"it costs {value('pipeline', '12.8Tb/s') - value('late', '12.8Tb/s'):.1f} s over the pipeline" in finding
    assert all(float(r["percent_of_bound"]) < 50 for r in study[1].read("collective") if "swap" not in r["algorithm"])
    assert all(float(r["percent_of_bound"]) > 75 for r in study[1].read("collective") if "swap" in r["algorithm"])


@pytest.mark.slow
def test_a_point_comes_again(study):
    ways = CONFIG["ways"]
    point = ways["round_trips"][2], ways["wan_rates"][-1], "0"
    rows = study[1].read("ways")
    kept = {r["way"]: r["step_s"] for r in rows if (r["round_trip"], r["wan_rate"], r["loss_rate"]) == point}
    assert {r["way"]: str(r["step_s"]) for r in study[0].step(ways, ways["settings"], *point)} == kept


def test_rows_are_kept_between_runs(study, tmp_path):
    path = tmp_path / "rows.csv"
    study[2].Store(path, ("a",)).add({"a": 1, "b": 2.5})
    again = study[2].Store(path, ("a",))
    assert (again.has(a=1), again.has(a=2)) == (True, False)
    again.add({"a": 2, "b": 0})
    assert path.read_text() == "a,b\n1,2.5\n2,0\n"


@pytest.fixture
def fabric_study(study, monkeypatch):
    """The modules of the study of transports, beside those of `study`."""
    import transports
    import transports_report

    yield transports, transports_report
    for name in ("transports", "transports_report"):
        sys.modules.pop(name)


def test_the_tables_of_transports_are_what_the_rows_hold(fabric_study):
    for name, table in fabric_study[1].tables().items():
        assert f"<!-- {name} -->\n{table}<!-- end -->" in PAGE


def test_all_transports_that_the_configuration_names_were_run(fabric_study):
    own, read = CONFIG["transports"], fabric_study[1].read
    found = {(r["condition"], r["collective"], r["transport"], r["seed"]) for r in read("paths")}
    assert found == {
        (condition, collective, transport, str(seed))
        for condition in own["conditions"]
        for collective in own["collectives"]
        for transport in own["transports"]
        for seed in range(own["seeds"].get(transport, 1))
    }
    for name, losses in (("lossy", own["lossy"]["losses"]), ("wan_loss", own["wan"]["losses"])):
        assert {(r["loss"], r["seed"]) for r in read(name)} == {(x, str(k)) for x, n in losses.items() for k in range(n)}


def test_selective_repeat_sends_each_lost_packet_once_more(fabric_study):
    for name in ("lossy", "window", "wan_loss"):
        for row in fabric_study[1].read(name):
            if row["recovery"] == "selective-repeat":
                assert row["repeated"] == row["lost"]
            else:
                assert int(row["repeated"]) == int(row["lost"]) + int(row["discarded"])


def test_a_message_comes_again(fabric_study):
    row = fabric_study[1].read("window")[8]
    again = fabric_study[0].message(CONFIG["transports"]["window"], row["round_trip"], row["recovery"], int(row["seed"]))
    assert {name: str(value) for name, value in again.items()}.items() <= row.items()


def test_the_finding_on_transports_says_what_the_rows_say(fabric_study):
    own, finding = fabric_study[1], " ".join(PAGE.split("## Finding")[1].split())

    def took(condition, collective, transport):
        rows = own.chosen(own.read("paths"), condition=condition, collective=collective, transport=transport)
        return f"{own.slowdown(rows):.2f}"

    hierarchy = [took("healthy", "hierarchical", way) for way in ("ecmp", "spray")]
    pairs = [took("healthy", "all-to-all", way) for way in ("ecmp", "spray")]
    assert f"takes {hierarchy[0]} of the ideal by ECMP and {hierarchy[1]} sprayed" in finding
    assert f"an all-to-all {pairs[0]} and {pairs[1]} of the bound" in finding
    assert {took("healthy", "ring", way) for way in CONFIG["transports"]["transports"]} == {"1.06"}
    assert f"two uplinks to choose from: {took('four planes', 'hierarchical', 'ecmp')}" in finding
    one = [took("one channel", "all-to-all", way) for way in ("ecmp", "spray")]
    assert f"ECMP takes {one[0]} of the bound, spraying {one[1]} at perfectly even load" in finding
    slow = [took("slow cable", "hierarchical", way) for way in ("spray", "feedback")]
    assert f"from {hierarchy[1]} to {slow[0]}; feedback stays at {slow[1]}" in finding
    blind = [took("slow cable", "all-to-all", way) for way in ("feedback", "spray")]
    assert f"it takes {blind[0]} where blind spraying takes {blind[1]}" in finding
    rows = own.chosen(own.read("window"), recovery="go-back-n")
    each = [own.chosen(rows, round_trip=trip) for trip in own.values(rows, "round_trip")]
    share = [own.per_loss(r) / own.average(r, "bdp_packets") for r in each]
    assert f"{share[0]:.2f} to {share[3]:.2f} of it from 24 to 1,562 packets, {share[4]:.2f} at 6,250" in finding
    lost = own.chosen(own.read("wan_loss"), loss="1e-5")
    means = [own.average(own.chosen(lost, recovery=r), "time_s") * 1e3 for r in own.RECOVERIES]
    assert f"means are {means[0]:.2f} ms and {means[1]:.2f} ms" in finding
    again = own.average(own.chosen(lost, recovery="go-back-n"), "repeated")
    assert f"go-back-N {again:,.0f}" in finding
    rows = own.read("lossy")
    calm = {(r["transport"], r["recovery"]): r for r in rows if r["loss"] == "0"}
    sprayed = calm["spray", "go-back-n"]
    assert f"{float(sprayed['time_s']) * 1e6:.0f} us" in finding
    assert f"{int(sprayed['repeated']):,} packets" in finding
    lossy = own.chosen(rows, loss="1e-3")
    ways = {(t, r): own.average(own.chosen(lossy, transport=t, recovery=r), "time_s") * 1e6 for t, r in calm}
    assert f"takes {ways['spray', 'selective-repeat']:.2f} us" in finding
    assert f"costs {ways['ecmp', 'go-back-n']:.0f} against {ways['ecmp', 'selective-repeat']:.1f} us there" in finding
