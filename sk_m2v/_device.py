"""Where torch computes, from what the user says."""

from __future__ import annotations

from typing import Any

from sk_m2v._messages import quoted, shortened


def find_device(device: str | None) -> Any:
    """Find a device, and make sure that it can be used.

    Parameters
    ----------
    device : str or None
        A name that torch knows. "auto", or None, is "cuda" where there is one, else
        "cpu".

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ValueError
        If torch does not know the name, or finds no such device.
    """
    import torch

    if device in (None, "auto"):
        # Not every kind of GPU has all that is needed: others have to be named.
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(1, device=found).cpu()
    except (RuntimeError, AssertionError, NotImplementedError, ValueError) as error:
        first = shortened(str(error).split("\n")[0]).rstrip(".")
        raise ValueError(
            f"device={quoted(device)} cannot be used here: {first}. Use 'cpu', or "
            "'auto' to take what there is"
        ) from error
    return found
