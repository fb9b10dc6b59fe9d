"""What the linter found in a run after training, as it stands in the run folder."""

import json
from pathlib import Path

from data.errors import AffuseError

LINT = "lint.json"
FAILS = "FAILS"  # the status of a rule


def failing(run: Path) -> tuple[str, ...]:
    """Rules that fail, by name; none where the linter left nothing.

    Args:
        run: folder

    Raises:
        AffuseError: if the file is damaged
    """
    path = run / LINT
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            sorted(n for n, facts in found.items() if facts["status"] == FAILS)
        )
    except FileNotFoundError:
        return ()
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise AffuseError(
            f"{path} is damaged; delete it and repeat the train command"
        ) from error
