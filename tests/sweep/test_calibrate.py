"""Calibration: known settings are found again from a table made with them, and the fit says how good it is."""

from pathlib import Path

import numpy as np
import pytest

from collsim.collectives.closed_forms import LAWS
from collsim.errors import InvalidValue
from collsim.interop.nccl_tests import Measured, MeasuredRow
from collsim.interop.nccl_tests_read import read_nccl_tests
from collsim.simulate import prepare
from collsim.sweep.calibrate import Setting, calibrate, calibrate_parts, fitted_case

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "nccl-tests"
SIZES = [2**k for k in range(10, 29, 3)]


def table(times, sizes=SIZES):
    return Measured("t", tuple(MeasuredRow(s, int(t), None, 0, None, f"t {s}") for s, t in zip(sizes, times, strict=True)))


def simulated(case, algorithm, setting, sizes=SIZES):
    made = fitted_case(case, setting)
    return [made.run(algorithm, size).result.time for size in sizes]


@pytest.mark.parametrize(
    "topology, algorithm, collective",
    [("switch8", "ring", "all-reduce"), ("torus4x4", "multitree", "all-reduce"), ("full4", "direct", "all-gather")],
)
def test_known_settings_are_found_again(topology, algorithm, collective):
    case = prepare(topology, collective=collective)
    truth = Setting(7_300_000_000, 0.81)
    found = calibrate(case, table(simulated(case, algorithm, truth)), algorithm)
    assert found.setting.overhead == pytest.approx(truth.overhead, rel=2e-3)
    assert found.setting.efficiency == pytest.approx(truth.efficiency, rel=2e-3)
    assert found.rms < 2e-3
    assert found.r2 > 0.99999
    assert found.cuts == ()


def test_a_machine_that_answers_faster_than_stated():
    case = prepare("switch8", latency="5us")
    found = calibrate(case, table(simulated(case, "ring", Setting(0, 0.9, 0.3))), "ring")
    assert found.by_latency
    assert found.setting.latency == pytest.approx(0.3, rel=5e-3)
    assert found.setting.efficiency == pytest.approx(0.9, rel=5e-3)


def test_simulating_with_the_fit_reproduces_its_figures():
    case = prepare("full2", bandwidth="400Gb/s", latency="1us")
    measured = read_nccl_tests(EXAMPLES / "h100-2x1-400g.txt")
    found = calibrate(case, measured, "ring")
    again = [found.fitted.run("ring", size).result.time for size in measured.sizes]
    assert again == list(found.times)
    logs = np.log(np.array(again) / [row.time for row in measured.rows])
    assert found.rms == pytest.approx(np.sqrt((logs**2).mean()))
    assert max(map(abs, found.errors)) < 0.06
    # Two ranks: 2 alpha + S beta, so 113.2 us to 812.3 us from 2 to 32 MiB are about 32 us a message and 47 GB/s.
    assert found.fitted.network.nic.message_overhead == pytest.approx(31.97e9, rel=1e-3)
    assert found.setting.efficiency == pytest.approx(0.9403, rel=1e-3)


def test_alpha_and_beta_of_a_textbook_table():
    law = LAWS["ring", "all-reduce"].time
    alpha, beta = 6e-6, 1 / 200e9
    case = prepare("switch8", bandwidth="300GB/s", latency="350ns")
    found = calibrate(case, table([1e15 * float(law(8, s, alpha, beta)) for s in SIZES]), "ring")
    hint = found.fitted.hint(1)
    assert hint.alpha == pytest.approx(6e9, rel=0.01)
    assert float(hint.beta) == pytest.approx(1e15 / 200e9, rel=0.01)


def test_two_protocols_are_told_apart():
    law = LAWS["ring", "all-reduce"].time
    sizes = [2**k for k in range(10, 30)]
    times = [1e15 * float(law(8, s, *((2e-6, 1 / 20e9) if s < 2**20 else (20e-6, 1 / 200e9)))) for s in sizes]
    found = calibrate(prepare("switch8", bandwidth="250GB/s"), table(times, sizes), "ring")
    assert found.rms > 0.05
    assert found.cuts == (2**20,)
    assert found.left < found.rms / 2
    apart = calibrate(found.case, table(times, sizes), "ring", least=2**20)
    assert apart.rms < 0.01


def test_each_protocol_has_a_part_of_its_own():
    """LL, LL128 and Simple in brief: little alpha and beta that is poor, then better, then best at the price of alpha."""
    law, sizes = LAWS["ring", "all-reduce"].time, [2**k for k in range(10, 31)]
    truth = {2**10: (2e-6, 1 / 4e9), 2**16: (6e-6, 1 / 40e9), 2**24: (40e-6, 1 / 220e9)}
    times = [1e15 * float(law(8, size, *truth[max(start for start in truth if start <= size)])) for size in sizes]
    parts = calibrate_parts(prepare("switch8", bandwidth="250GB/s"), table(times, sizes), "ring")
    assert [part.rows[0].size for part in parts] == [*truth]
    for part, (alpha, beta) in zip(parts, truth.values(), strict=True):
        hint = part.fitted.hint(1)
        assert hint.alpha == pytest.approx(alpha * 1e15, rel=0.02)
        assert float(hint.beta) == pytest.approx(beta * 1e15, rel=0.02)
        assert part.rms < 0.01


def test_one_part_where_one_fit_will_do():
    case = prepare("switch8")
    (part,) = calibrate_parts(case, table(simulated(case, "ring", Setting(10**9, 0.5))), "ring")
    assert part.setting == calibrate(case, table(simulated(case, "ring", Setting(10**9, 0.5))), "ring").setting


def test_a_placement_is_fitted_where_it_is():
    """Partners that are no neighbours on the mesh share links, which the fit has to know."""
    truth, sizes = Setting(5 * 10**9, 0.7), SIZES[:5]
    case = prepare("mesh4x4", placement="random:1", engine="analytic")
    times = simulated(case, "halving-doubling", truth, sizes)
    found = calibrate(case, table(times, sizes), "halving-doubling")
    assert found.setting.efficiency == pytest.approx(0.7, rel=5e-3)
    assert found.setting.overhead == pytest.approx(5e9, rel=5e-3)
    linear = calibrate(prepare("mesh4x4", engine="analytic"), table(times, sizes), "halving-doubling")
    assert linear.setting.efficiency < 0.65


def test_times_in_place_are_fitted_when_asked_for():
    measured = read_nccl_tests(EXAMPLES / "h100-2x1-400g.txt")
    way = measured.measured_in_place()
    assert [row.time for row in way.rows] == [row.in_place for row in measured.rows]
    case = prepare("full2", bandwidth="400Gb/s", latency="1us")
    assert calibrate(case, way, "ring").setting.overhead < calibrate(case, measured, "ring").setting.overhead
    bare = Measured("t", (MeasuredRow(8, 1, None, 0, None, "t, line 2"),))
    with pytest.raises(InvalidValue, match="line 2 has no in-place time"):
        bare.measured_in_place()


def test_sizes_that_do_not_tell():
    case = prepare("switch8")
    large, small = [2**30, 2**31, 2**32], [64, 128, 256]
    few = calibrate(case, table(simulated(case, "ring", Setting(10**7, 0.5), large), large), "ring")
    assert few.told == (False, True)
    assert few.setting.efficiency == pytest.approx(0.5, rel=1e-3)
    little = calibrate(case, table(simulated(case, "ring", Setting(10**10, 1.0), small), small), "ring")
    assert little.told == (True, False)


def test_noise_stays_within_the_standard_error():
    case = prepare("switch8")
    noise = 1 + 0.03 * np.random.default_rng(3).standard_normal(len(SIZES))
    truth = Setting(5 * 10**9, 0.7)
    found = calibrate(case, table(np.array(simulated(case, "ring", truth)) * noise), "ring")
    assert abs(found.setting.overhead - truth.overhead) < 3 * found.error[0]
    assert abs(found.setting.efficiency - truth.efficiency) < 3 * found.error[1]
    assert 0.01 < found.rms < 0.06


def test_too_few_rows():
    case = prepare("switch8")
    with pytest.raises(InvalidValue, match="has 1 of 7 rows in the sizes asked for; two numbers need two"):
        calibrate(case, table(simulated(case, "ring", Setting())), "ring", least=2**28)
    pair = table(simulated(case, "ring", Setting(10**9, 0.5), [2**10, 2**25]), [2**10, 2**25])
    found = calibrate(case, pair, "ring")
    assert found.error is None
    assert found.rms < 1e-3
