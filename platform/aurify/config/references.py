"""References to the environment, `${NAME}` and `${NAME:-default}`; a secret stands in a file as nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aurify.config.yaml_file import Keys, dotted
from aurify.errors import Problem

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\}")
_SECRET_KEY = re.compile(r"(^| )(password|passwd|token|secret|(access|secret|account|private|api) key)$|account key ")
# The same and more in names of variables, where nothing is refused for it: PGPASSWORD, MYSQL_PWD, AWS_CREDENTIALS.
_SECRET_VARIABLE = re.compile(r"passw|passphrase|(^| )pwd($| )|(^| )pass$|secret|token|credential|encryption key$|sas ")
# What names a secret of Kubernetes, and is none.
_OF_KUBERNETES = re.compile(r"spark\.kubernetes\.(driver|executor)\.(secretKeyRef|secrets)\.")
_PASSWORD_OF_URI = re.compile(r"(://[^/\s:@]*):[^/\s@]+@")


def literal_secrets(data: object, where: str, keys: Keys = ()) -> list[Problem]:
    """Values that stand in a file under a key that looks like a secret; they are not repeated in the message."""
    if isinstance(data, Mapping):
        return [p for key, value in data.items() for p in literal_secrets(value, where, (*keys, str(key)))]
    if isinstance(data, list):
        return [p for at, value in enumerate(data) for p in literal_secrets(value, where, (*keys, at))]
    name = next((key for key in reversed(keys) if isinstance(key, str)), "")
    if data is None or isinstance(data, bool) or not is_secret_name(name) or _is_reference(str(data)):
        return []
    variable = _words(name).upper().replace(" ", "_")
    hint = f"write ${{{variable}}} and set that variable"
    return [Problem(where, "a secret in a file", "a reference like ${NAME}", hint, dotted(keys))]


def is_secret_name(name: str) -> bool:
    """Whether what a key or variable of this name holds is nobody's to read."""
    return not _OF_KUBERNETES.match(name) and _SECRET_KEY.search(_words(name)) is not None


def holds_secret(name: str, value: str) -> bool:
    """Whether the value of a variable or setting is to be shown to nobody."""
    if _OF_KUBERNETES.match(name):
        return False
    is_named_so = is_secret_name(name) or _SECRET_VARIABLE.search(_words(name)) is not None
    return is_named_so or _PASSWORD_OF_URI.search(value) is not None


def without_password(uri: str) -> str:
    """A URI that may be shown."""
    return _PASSWORD_OF_URI.sub(r"\1:***@", uri)


def referred(data: object) -> set[str]:
    """The variables that the data refers to."""
    if isinstance(data, Mapping):
        return {name for value in data.values() for name in referred(value)}
    if isinstance(data, list):
        return {name for value in data for name in referred(value)}
    return {match[1] for match in _REFERENCE.finditer(data)} if isinstance(data, str) else set()


def _words(key: str) -> str:
    """`fs.s3a.oauthToken` as `fs s3a oauth token`."""
    return re.sub(r"[^A-Za-z0-9]+", " ", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key)).strip().lower()


def _is_reference(value: str) -> bool:
    match = _REFERENCE.fullmatch(value.strip())
    return match is not None and match[2] in (None, ":-")


def expand(data: object, environ: Mapping[str, str], unresolved: list[tuple[Keys, str]], keys: Keys = ()) -> object:
    """The data with all references replaced; those without a value are added to `unresolved` with their place."""
    if isinstance(data, Mapping):
        return {key: expand(value, environ, unresolved, (*keys, str(key))) for key, value in data.items()}
    if isinstance(data, list):
        return [expand(value, environ, unresolved, (*keys, at)) for at, value in enumerate(data)]
    if not isinstance(data, str):
        return data

    def value_of(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        if default is not None:
            return environ.get(name) or default[2:]
        if name not in environ:
            unresolved.append((keys, match[0]))
        return environ.get(name, "")

    # Spark has substitutions of its own in its configuration, like ${system:user.name}.
    if "${" in _REFERENCE.sub("", data) and keys[:2] != ("spark", "conf"):
        unresolved.append((keys, data))
    return _REFERENCE.sub(value_of, data)
