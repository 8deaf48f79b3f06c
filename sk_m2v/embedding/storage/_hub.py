"""Models on the Hugging Face Hub: where they come from and go to."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from sk_m2v._messages import errors_without_secrets, quoted, shortened
from sk_m2v.embedding.storage._names import FILES


@errors_without_secrets()
def download(
    hub_id: str,
    *,
    revision: str | None,
    token: str | bool | None,
    subfolder: str | None,
    cache_dir: str | Path | None,
    local_files_only: bool,
) -> Path:
    """Folder of the cache that holds a model of the hub, fetched if need be.

    Parameters
    ----------
    hub_id : str
        Name of the form ``owner/name``.
    revision : str or None
        Branch, tag or commit.
    token : str, bool or None
        Access token; None takes the one stored on this machine.
    subfolder : str or None
        Folder of the repository that holds the model, checked by the caller.
    cache_dir : str, Path or None
        Where downloads are kept.
    local_files_only : bool
        Whether to use the cache only.

    Returns
    -------
    Path
        The root of the repository's snapshot.

    Raises
    ------
    OSError
        If the model cannot be had; the message says why and what to do.
    """
    prefix = "" if subfolder is None else f"{PurePosixPath(subfolder)}/"
    where = shortened(hub_id)
    if revision is not None:
        where += f" at revision {quoted(revision)}"
    try:
        return Path(
            snapshot_download(
                hub_id,
                revision=revision,
                token=token,
                cache_dir=cache_dir,
                local_files_only=local_files_only,
                allow_patterns=[prefix + name for name in (*FILES, "README.md")],
            )
        )
    # The order matters: LocalEntryNotFoundError is an OSError like most of the others.
    except LocalEntryNotFoundError as error:
        raise OSError(
            f"there is no folder {shortened(hub_id)!r}, and as a model of the hub, "
            f"{shortened(where)} is not in the local cache, and "
            f"{shortened(_answer(error.__cause__))}"
        ) from error
    except RevisionNotFoundError as error:
        raise OSError(
            f"{shortened(hub_id)} has no revision {quoted(revision)} on the hub"
        ) from error
    except GatedRepoError as error:
        raise OSError(
            f"{shortened(hub_id)} is gated: accept its terms on the hub and pass a "
            "token"
        ) from error
    except RepositoryNotFoundError as error:
        raise OSError(
            f"there is no folder and no model of the hub named {shortened(hub_id)!r} "
            "(a private one needs a token)"
        ) from error
    except HFValidationError as error:
        raise OSError(
            f"{shortened(hub_id)!r} is not the id of a model: {shortened(error)}"
        ) from error
    except HfHubHTTPError as error:
        raise OSError(
            f"there is no folder {shortened(hub_id)!r}, and as a model of the hub, "
            f"{shortened(where)} was not loaded: {shortened(_answer(error))}"
        ) from error
    except OSError:
        raise
    except Exception as error:  # of the network: classes of whichever client it has
        raise OSError(
            f"{shortened(where)} was not loaded from the hub: it is too slow, or the "
            f"connection broke ({shortened(error)}). Try again: what was fetched whole "
            "is kept, and nothing else is used"
        ) from error


def _answer(error: BaseException | None) -> str:
    """Say what the hub answered, if it did, and what to do."""
    if not isinstance(error, HfHubHTTPError):
        return (
            "the hub was not reached: check the path, or the network (or "
            "local_files_only and HF_HUB_OFFLINE)"
        )
    status = error.response.status_code
    if status in (401, 403):
        advice = "check the token, and whether its owner may read the model"
    elif status >= 500:
        advice = "that is a fault of the hub, try again later"
    else:
        advice = "check the name of the model, and HF_ENDPOINT if it is set"
    return f"the hub answered with status {status}: {advice}"


@errors_without_secrets()
def push(
    folder: Path,
    hub_id: str,
    *,
    private: bool,
    token: str | bool | None,
    subfolder: str | None,
    revision: str | None,
) -> str:
    """Upload a folder, making the repository if it does not exist.

    Parameters
    ----------
    folder : Path
        What to upload.
    hub_id : str
        Name of the form ``owner/name``.
    private : bool
        Whether a new repository is private. An existing one keeps what it is.
    token : str, bool or None
        Access token; None takes the one stored on this machine.
    subfolder, revision : str or None
        Folder and branch of the repository to write to.

    Returns
    -------
    str
        Address of the commit.

    Raises
    ------
    OSError
        If the hub refuses, or is not reached.
    """
    api = HfApi(token=token, library_name="sk-m2v")
    try:
        api.create_repo(hub_id, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=hub_id,
            folder_path=folder,
            path_in_repo=subfolder,
            revision=revision,
            # As in a folder, nothing stays of the model that was there.
            delete_patterns=FILES,
            commit_message="Upload static embedding model",
        )
    except (OSError, ValueError):
        raise
    except Exception as error:  # of the network: classes of whichever client it has
        raise OSError(
            f"{shortened(hub_id)} was not sent: the hub was not reached. Check the "
            f"network. It said: {shortened(error)}"
        ) from error
    return str(commit.commit_url)
