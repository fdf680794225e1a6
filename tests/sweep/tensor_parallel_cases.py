"""A step of tensor parallelism small enough for every engine, for the tests of this folder."""

from dataclasses import replace

from collsim.sweep.tensor_parallel_setting import setting
from collsim.workloads.load_transformer import load_transformer
from collsim.workloads.tensor_parallel import BF16, Scheme

TINY = replace(load_transformer("caatnet-130m"), layers=2, hidden=64, ffn=128, heads=8, kv_heads=8, vocabulary=512)
SMALL = {"batch": 1, "sequence": 16, "micro_batches": 3}
EQUAL = Scheme(backward_wire=BF16)
ENGINE_NAMES = ("compiled", "simpy")
MODES = ("train", "prefill", "decode")


def tiny(engine="compiled", topology="gaudi3", **more):
    chosen = {"accelerator": "gaudi3", **({**SMALL, **more} if more.get("mode", "train") == "train" else more)}
    return setting(topology, TINY, engine=engine, **chosen)
