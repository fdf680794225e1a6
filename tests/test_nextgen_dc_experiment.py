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
        assert float(row["step_s"]) == pytest.approx(float(row["step_law_s"]), rel=0.01), row
        assert int(row["wan_bytes"]) == int(row["wan_bytes_law"])


def test_the_period_of_a_late_exchange_is_the_longer_of_the_rows_beside_it(study):
    """Seconds in files have 15 digits or so, hence 0.1 ps."""
    for name in ("ways", "parallel"):
        rows = study[1].read(name)
        for row, plain in ((a, b) for a in rows for b in rows if (a["way"], b["way"]) == ("late", "hierarchical")):
            if all(row[key] == plain[key] for key in list(row)[: list(row).index("way")]):
                exchange = float(plain["communication_s"])
                longer = max(float(plain["step_s"]) - exchange, exchange)
                assert float(row["step_s"]) == pytest.approx(longer, abs=1e-13), row


def test_every_draw_of_losses_was_run_and_selective_repeat_sends_each_once_more(study):
    rows, losses = study[1].read("loss"), CONFIG["loss"]["losses"]
    assert {(r["loss"], r["recovery"], r["seed"]) for r in rows} == {
        (loss, recovery, str(k)) for loss, n in losses.items() for recovery in CONFIG["loss"]["recoveries"] for k in range(n)
    }
    some = {
        loss: sum(r["lost"] != "0" for r in rows if (r["loss"], r["recovery"]) == (loss, "go-back-n")) for loss in losses
    }
    assert (some["1e-6"], some["1e-5"], some["1e-4"]) == (2, 12, 5)
    assert "At 1e-6 two draws of 20 lose a packet, at 1e-5 twelve" in PAGE
    for row in rows:
        assert row["recovery"] == "go-back-n" or row["repeated"] == row["lost"]
        assert (row["lost"] == "0") == (float(row["time_s"]) == float(rows[0]["time_s"]))


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
        for seed in range(own["seeds"])
    }
    for name, losses in (("lossy", own["lossy"]["losses"]), ("wan_loss", own["wan"]["losses"])):
        assert {(r["loss"], r["seed"]) for r in read(name)} == {(x, str(k)) for x, n in losses.items() for k in range(n)}
    each = [(r["collective"], r["transport"], r["recovery"]) for r in read("lossy")]
    draws = sum(own["lossy"]["losses"].values())
    assert {cell: each.count(cell) for cell in each} == {
        (collective, transport, recovery): draws
        for collective in own["collectives"]
        for transport in own["lossy"]["transports"]
        for recovery in own["lossy"]["recoveries"]
    }


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

    def span(condition, collective, transport):
        rows = own.chosen(own.read("paths"), condition=condition, collective=collective, transport=transport)
        return min(own.slowdowns_of(rows)), max(own.slowdowns_of(rows))

    hierarchy = [took("healthy", "hierarchical", way) for way in ("ecmp", "spray")]
    pairs = [took("healthy", "all-to-all", way) for way in ("ecmp", "spray")]
    assert f"takes {hierarchy[0]} of the ideal by ECMP and {hierarchy[1]} sprayed" in finding
    assert (
        f"an all-to-all {pairs[0]} and {pairs[1]} of the bound, no range of five seeds reaching into the other's" in finding
    )
    for collective in ("hierarchical", "all-to-all"):
        assert span("healthy", collective, "spray")[1] < span("healthy", collective, "ecmp")[0]
    assert {took("healthy", "ring", way) for way in CONFIG["transports"]["transports"]} == {"1.06"}
    assert f"two uplinks to choose from: {took('four planes', 'hierarchical', 'ecmp')}" in finding
    one = [took("one channel", "all-to-all", way) for way in ("ecmp", "spray")]
    ends = ["{:.2f} to {:.2f}".format(*span("one channel", "all-to-all", way)) for way in ("ecmp", "spray")]
    assert f"ECMP takes {one[0]} of the bound ({ends[0]}), spraying {one[1]} ({ends[1]}) at perfectly even load" in finding
    assert f"With 17 channels that is {pairs[0]} and {pairs[1]}" in finding
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
    assert f"Means are {means[0]:.2f} ms and {means[1]:.2f} ms" in finding
    sent = [own.average(own.chosen(lost, recovery=r), "repeated") for r in own.RECOVERIES]
    assert f"selective repeat sent {sent[0]:.3g} packets again and go-back-N {sent[1]:,.0f}" in finding
    assert [sum(r["lost"] == "0" for r in own.chosen(lost, recovery=way)) for way in own.RECOVERIES] == [1, 1]


def test_the_finding_on_losses_says_what_the_rows_say(fabric_study):
    own, finding = fabric_study[1], " ".join(PAGE.split("## Finding")[1].split())

    def mean(collective, loss, transport, recovery="selective-repeat", column="time_s"):
        rows = own.read("lossy")
        rows = own.chosen(rows, collective=collective, loss=loss, transport=transport, recovery=recovery)
        return own.average(rows, column) * (1e6 if column == "time_s" else 1)

    calm = [mean("all-to-all", "0", "spray", recovery) for recovery in ("go-back-n", "selective-repeat")]
    assert f"the sprayed all-to-all takes {calm[0]:.0f} us in place of {calm[1]:.1f} us" in finding
    assert f"sends {mean('all-to-all', '0', 'spray', 'go-back-n', 'repeated'):,.0f} packets again" in finding
    still = {name: mean(name, "0", "spray") for name in ("hierarchical", "ring")}
    assert f"takes the {still['hierarchical']:.1f} us and {still['ring']:.1f} us of selective repeat" in finding
    for name, time in still.items():
        assert mean(name, "0", "spray", "go-back-n") == time
        assert mean(name, "0", "spray", "go-back-n", "repeated") == 0
    worst = {name: mean(name, "1e-3", "spray") for name in ("hierarchical", "ring", "all-to-all")}
    assert f"sprayed hierarchy takes {worst['hierarchical']:.1f} us in place of {still['hierarchical']:.1f}" in finding
    assert f"the ring {worst['ring']:.1f} in place of {still['ring']:.1f}" in finding
    losses = mean("all-to-all", "1e-3", "spray", column="lost")
    assert f"takes {worst['all-to-all']:.1f} us with {losses:.1f} losses a run" in finding
    few = mean("hierarchical", "1e-5", "spray")
    assert f"{100 * (few / still['hierarchical'] - 1):.0f} % slower, {few:.1f} us" in finding
    gains = [mean("hierarchical", loss, "ecmp") / mean("hierarchical", loss, "spray") for loss in ("0", "1e-3")]
    assert f"{gains[0]:.2f} over ECMP without losses, shrinks to {gains[1]:.2f} at 1e-3" in finding
    back = [mean(*case, "go-back-n") for case in (("hierarchical", "1e-3", "spray"), ("hierarchical", "1e-3", "ecmp"))]
    ecmp, ring = mean("hierarchical", "1e-3", "ecmp"), mean("ring", "1e-3", "spray", "go-back-n")
    assert f"{back[0]:.1f} against {worst['hierarchical']:.1f} us in the sprayed hierarchy" in finding
    assert f"{back[1]:.1f} against {ecmp:.1f} by ECMP, {ring:.1f} against {worst['ring']:.1f} in the ring" in finding


@pytest.mark.slow
def test_a_run_on_the_fabric_comes_again(fabric_study):
    own = CONFIG["transports"]
    for row in fabric_study[1].read("paths")[::60]:
        key = {name: row[name] for name in ("condition", "collective", "transport")}
        again = fabric_study[0].path(own, *key.values(), int(row["seed"]))
        assert {name: str(value) for name, value in again.items()}.items() <= row.items(), key
