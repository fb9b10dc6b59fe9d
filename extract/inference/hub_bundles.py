"""Bundles on the Hugging Face hub: upload and download by the hub's own library.

A download takes only files that a bundle may hold. They are examined like those of any
other bundle when it is read.
"""

from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import validate_repo_id

from affuse.data.errors import AffuseError, OptionError
from affuse.data.runs.bundle_folder import BundleFolder
from affuse.extract.checkpoints.library_failures import reason

# Patterns of the files to download. None of these formats can hold code.
PATTERNS = (
    *("*.json", "*.txt", "*.model", "*.safetensors", "*.onnx", "*.md"),
    *("LICENSE*", "*/LICENSE*", BundleFolder.manifest),
)
MESSAGE = "Bundle of affuse"  # of the commit
UNREACHED = "the hub cannot be reached, and there is no local copy"
HIDDEN = "there is no such repository, or it is private; log in: hf auth login"


def holds_bundle(name: str, revision: str = "") -> bool:
    """Return True if a repository on the hub, or its local copy, is a bundle.

    Args:
        name: of the repository, such as ``me/my-model``
        revision: commit, tag or branch; "" for the newest
    """
    try:
        hf_hub_download(name, BundleFolder.info, revision=revision or None)
    except Exception:  # the hub's library raises many kinds of errors
        return False  # loading the model reports the error
    return True


def fetch_bundle(name: str, revision: str = "") -> Path:
    """Return the local copy of a bundle on the hub, downloaded if it is not cached.

    Args:
        name: of the repository, such as ``me/my-model``
        revision: commit, tag or branch; "" for the newest

    Raises:
        AffuseError: if the hub cannot be reached, there is no such repository or
            revision, or it is no bundle
    """
    version = revision or None
    try:
        hf_hub_download(name, BundleFolder.info, revision=version)
        folder = snapshot_download(name, revision=version, allow_patterns=[*PATTERNS])
    except Exception as error:  # the hub's library raises many kinds of errors
        raise AffuseError(
            f"cannot fetch the bundle {name!r}: {_reason(error)}; or give the folder "
            f"of a bundle"
        ) from error
    return Path(folder)


def demand_hub_name(name: str) -> None:
    """Raise an error if a name cannot be that of a repository.

    Args:
        name: as typed, such as ``me/my-model``

    Raises:
        OptionError: if it is not valid
    """
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise OptionError(
            f"--push-to-hub {name!r} is no name of a repository ({error}); write "
            f"OWNER/NAME, for example me/my-model"
        ) from error


def push_bundle(folder: Path, name: str) -> str:
    """Upload a bundle, and return its address on the hub.

    The repository is created as private if it does not exist. Files of an earlier
    version of the bundle are removed.

    Args:
        folder: of a complete bundle
        name: of the repository, such as ``me/my-model``

    Raises:
        AffuseError: if it cannot be uploaded; the bundle in `folder` stays
    """
    api = HfApi()
    try:
        address = api.create_repo(name, private=True, exist_ok=True)
        api.upload_folder(
            repo_id=address.repo_id,
            folder_path=folder,
            commit_message=MESSAGE,
            delete_patterns=["*"],
        )
    except Exception as error:  # the hub's library raises many kinds of errors
        raise AffuseError(
            f"cannot upload the bundle to {name!r}: {reason(error)}; it is in "
            f"{folder}; log in with a token that may write (hf auth login), and repeat "
            f"the command"
        ) from error
    return str(address)


def _reason(error: Exception) -> str:
    """Return a clause on the failure of a download."""
    if isinstance(error, LocalEntryNotFoundError):
        return UNREACHED
    if isinstance(error, RepositoryNotFoundError):
        return HIDDEN
    if isinstance(error, EntryNotFoundError):
        return f"it is no bundle, because it has no {BundleFolder.info}"
    return reason(error)
