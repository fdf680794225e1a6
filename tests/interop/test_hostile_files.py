"""Files made to hurt: bombs, depths, counts and numbers beyond all reason get one short sentence, and at once."""

from time import process_time

import pytest

from collsim.collectives.algorithm_files import from_file
from collsim.errors import CollsimError
from collsim.interop.astra_system import read_astra_system
from collsim.sweep.traces import read_trace
from collsim.topology import load

NINES = "9" * 5000
BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
ALIASES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
YAML = "topology: [Ring]\nnpus_count: [{}]\nbandwidth: [{}]\nlatency: [1]\n"
GPU = '<pci busid="{0:x}" class="0x030200"><gpu rank="{0}" sm="90">{1}</gpu></pci>'


TWO_BUSES = '<pci busid="1"><pci busid="2"/></pci>'
ATTRIBUTES = " ".join(f"a{k}='1'" for k in range(50_000))


def many(count, text):
    return text * count


HOSTILE = {
    "bomb.xml": (load, BOMB + "]><system>&i;</system>", "line 1: a document type is declared"),
    "outside.xml": (load, '<!DOCTYPE x SYSTEM "file:///etc/passwd"><system/>', "line 1: a document type is declared"),
    "deep.xml": (load, many(100_000, "<system>"), "nested over 64 deep"),
    "numa.xml": (load, f"<system>{many(3000, '<cpu/>')}</system>", "has 3,000 NUMA nodes; up to 64 are believed"),
    "gpus.xml": (
        load,
        f"<system><cpu>{''.join(GPU.format(k, '') for k in range(1025))}</cpu></system>",
        "1,025 GPUs in one file; up to 1,024 are believed",
    ),
    "links.xml": (
        load,
        "<system><cpu>"
        + "".join(
            GPU.format(k, "".join(f'<nvlink target="{j:x}" count="1024" tclass="0x0302"/>' for j in range(60) if j != k))
            for k in range(60)
        )
        + "</cpu></system>",
        "the links between GPUs are more than the 2,000,000 allowed",
    ),
    "switches.xml": (
        load,
        f"<system><cpu>{many(30_000, TWO_BUSES)}</cpu></system>",
        "the busid 1 is there twice",
    ),
    "width.xml": (
        load,
        f'<system><cpu><pci busid="1" link_width="{NINES}"><gpu rank="0"/></pci></cpu></system>',
        f"the link_width '{NINES[:48]}",
    ),
    "plan.xml": (from_file, BOMB + "]><algo>&i;</algo>", "line 1: a document type is declared"),
    "plan2.xml": (from_file, f"<algo {ATTRIBUTES}/>", "has 50,000 attributes; 64"),
    "plan3.xml": (from_file, '<algo coll="allreduce" ngpus="1000000000"/>', "it is a whole number of 2 to 65,536"),
    "aliases.yml": (load, ALIASES + "npus_count: *i\n", "line 1: not YAML: aliases make"),
    "deep.yml": (load, "npus_count: " + many(20_000, "["), "it is nested too deeply"),
    "twice.yml": (load, YAML.format(4, 1) + "npus_count: [8]\n", "line 5: not YAML: key 'npus_count' is stated twice"),
    "tag.yml": (load, YAML.format(4, '!!python/object/apply:os.system ["id"]'), "line 3: not YAML: could not determine"),
    "count.yml": (load, YAML.format(10**9, 1), "npus_count '1000000000' is not a number of NPUs"),
    "nan.yml": (load, YAML.format(4, ".nan"), "bandwidth 'nan' is not a number of GB/s"),
    "nines.yml": (load, YAML.format(4, NINES), "a number has thousands of digits"),
    "dims.yml": (
        load,
        "".join(f"{key}: [{', '.join(['1'] * 2_000)}]\n" for key in ("topology", "npus_count", "bandwidth", "latency")),
        "2,000 dimensions; up to 32 are read",
    ),
    "deep.json": (read_astra_system, many(100_000, '{"a":'), "it is nested too deeply"),
    "nines.json": (read_astra_system, f'{{"endpoint-delay": {NINES}}}', "a number has thousands of digits"),
    "nan.json": (read_astra_system, '{"local-mem-bw": NaN}', "'nan' is not a rate"),
    "twice.json": (read_astra_system, '{"boost-mode": 0, "boost-mode": 1}', "the key 'boost-mode' is stated twice"),
    "rate.txt": (load, f"2 0 1\n0 1 {NINES}Gbps 1ms 0\n", "is out of range"),
    "exponent.txt": (load, f"2 0 1\n0 1 1e{NINES}Gbps 1ms 0\n", "is out of range"),
    "counts.txt": (load, "999999999 1 999999999\n0\n", "are more than 2,000,000 each"),
    "far.anynet": (load, f"router {NINES} node 1\n", "is not a whole number up to 10^9"),
    "ranks.goal": (read_trace, "num_ranks 1000000000\n", "line 1: num_ranks is 1000000000; it is 1 to 1,048,576"),
    "label.goal": (read_trace, f"num_ranks 1\nrank 0 {{\na: calc 1\na requires b{NINES}\n}}\n", "line 4: rank 0 has no"),
    "comment.goal": (read_trace, "num_ranks 1\n/*" + many(100_000, "x\n"), "line 2: the comment is not closed"),
    "utf16.goal": (read_trace, "num_ranks 1\n".encode("utf-16"), "it is UTF-16 or UTF-32; save it as UTF-8"),
    "latin.yml": (load, b"topology: [Ring] # \xe9\n", "byte 19 is no UTF-8; save it as UTF-8"),
    "nothing.xml": (load, "", "is empty"),
    "zero.txt": (load, b"3 1 2\0\n", "it holds a zero byte"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_made_to_hurt_gets_one_sentence_at_once(tmp_path, name):
    read, content, sentence = HOSTILE[name]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    start = process_time()
    with pytest.raises(CollsimError) as caught:
        read(str(path))
    told = str(caught.value)
    assert sentence in told
    assert "\n" not in told
    assert len(told) < 500
    assert process_time() - start < 3
