"""More texts than memory holds: from a table or iterator to vectors on disk.

Texts flow in part by part, and vectors out, to `.npy`, Parquet or Zarr. What is done is
on record in a folder beside the target (`_work`), so that a run that was killed is gone
on with, to the same bytes. Read `_encode` first, then `_run`.
"""

from sk_m2v.streaming._encode import encode

__all__ = ["encode"]
