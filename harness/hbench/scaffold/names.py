"""Which names a new plugin may have."""

import re
import unicodedata
from importlib.util import find_spec
from typing import TYPE_CHECKING

from hbench.errors import OptionError

if TYPE_CHECKING:
    from hbench.registry import Kind

NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
LONGEST = 40
NO_TEXT = ("false", "null", "true")  # what YAML takes for something else than a name


def free_name(kind: "Kind", name: str) -> None:
    """Refuse what cannot be a new plugin's name.

    Raises:
        OptionError: it gives no name of a distribution and of a Python package, or something that
            is installed has it.
    """
    from hbench.registry import entries

    if not _is_well_formed(name):
        better = suggestion(name)
        hint = f"did you mean {better!r}? " if better else ""
        raise OptionError(
            f"NAME is {name!r}: {hint}Allowed: small letters a to z and digits, a letter first, "
            f"with a single - or _ between words, at most {LONGEST} characters; hbench- is put "
            f"before it, and {', '.join(NO_TEXT)} are no names in YAML"
        )
    owners = " and ".join(
        f"{each.distribution} {each.distribution_version}" for each in entries(kind).get(name, ())
    )
    if owners:
        raise OptionError(
            f"{kind} {name!r} is installed already, from {owners}; choose another name"
        )
    package = f"hbench_{name.replace('-', '_')}"
    if find_spec(package):
        raise OptionError(f"a package {package} is installed already; choose another name")


def suggestion(name: str) -> str:
    """A well-formed name that is close to one that is not; "" if there is none.

    >>> [suggestion(name) for name in ("EnglishFirst", "hbench-idf", "Über 2x", "3", "null")]
    ['english-first', 'idf', 'uber-2x', '', '']
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[0-9]+", plain)
    joined = "-".join(words).lower()
    better = re.sub(r"^(hbench-|[0-9-]+)+", "", joined)[:LONGEST].strip("-")
    return better if _is_well_formed(better) else ""


def _is_well_formed(name: str) -> bool:
    return (
        NAME.fullmatch(name) is not None
        and len(name) <= LONGEST
        and name not in NO_TEXT
        and not re.match("hbench[-_]", name)
    )
