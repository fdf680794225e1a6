"""The CSV files of a study as data frames, and the questions that tables and figures ask of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

PARTS = ("bandwidth", "scaling", "training", "ablation")
Frames = dict[str, pd.DataFrame]


def load(folder: Path) -> Frames:
    """Return the rows of every part that was run; what was skipped is left out."""
    found = {}
    for part in PARTS:
        path = folder / "results" / f"{part}.csv"
        if path.exists():
            frame = pd.read_csv(path, dtype={"variant": str, "bucket": str, "settings": str}, keep_default_na=True)
            done = frame[frame.time_fs.notna()].fillna({"variant": "", "settings": ""})
            if len(done):
                found[part] = done
    return found


def times(frame: pd.DataFrame, index: list[str], column: str = "scheme", value: str = "time_fs") -> pd.DataFrame:
    """Return `value` with one column a scheme (or variant)."""
    return frame.pivot_table(index=index, columns=column, values=value, aggfunc="first", sort=False)


def variants(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return the rows whose variant is "KIND: NAME", with NAME alone."""
    rows = frame[frame.variant.str.startswith(f"{kind}: ")].copy()
    rows["variant"] = rows.variant.str.removeprefix(f"{kind}: ")
    return rows


def after(frame: pd.DataFrame, shapes: str = "authors") -> pd.DataFrame:
    """Return training with one all-reduce after back-propagation."""
    return frame[(frame.overlap == "no") & (frame.bucket == "all") & (frame.shapes == shapes)]


def best_overlap(frame: pd.DataFrame, shapes: str = "authors") -> pd.DataFrame:
    """Return overlapped training with the bucket size that is fastest for each model and scheme."""
    rows = frame[(frame.overlap == "yes") & (frame.shapes == shapes)]
    return rows.loc[rows.groupby(["model", "scheme"], sort=False).time_fs.idxmin()]


def finest_overlap(frame: pd.DataFrame, shapes: str = "authors") -> pd.DataFrame:
    """Return overlapped training with the smallest buckets that were run for all schemes: single layers, where possible."""
    rows = frame[(frame.overlap == "yes") & (frame.shapes == shapes)]
    schemes = rows.groupby(["model", "bucket"], sort=False).scheme.transform("nunique")
    rows = rows[schemes == schemes.max()] if len(rows) else rows
    sizes = rows.bucket.astype("int64")
    return rows[sizes == sizes.groupby(rows.model).transform("min")]
