"""Borders that lie within the engine's steps, told by wrapping its functions from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aurify.publish import committer, lease, ledger, publication, quarantine, target
from aurify.workflows import settle

Tell = Callable[[str, str], None]
SetAttribute = Callable[[Any, str, Any], None]

TABLES = ("bronze.orders", "silver.orders", "gold.days")


def tell_borders(tell: Tell, set_attribute: SetAttribute = setattr) -> None:
    """Tell a path and a border each time one is passed; `moved` lies between quarantine's files and their commit."""

    def telling(function: Any, after: str, path_of: Callable[..., str], before: str = "") -> Any:
        def wrapped(*args: Any, **options: Any) -> Any:
            if before:
                tell(path_of(*args), before)
            result = function(*args, **options)
            tell(path_of(*args), after)
            return result

        return wrapped

    def of_handle(self: Any, handle: Any, *rest: Any) -> str:
        return str(handle.path)

    class QuarantineCommitter(committer.DeltaRsCommitter):
        append = telling(committer.DeltaRsCommitter.append, "quarantine committed", of_handle, before="moved")

    class TargetCommitter(committer.DeltaRsCommitter):
        append = telling(committer.DeltaRsCommitter.append, "committed", of_handle)
        exchange = telling(committer.DeltaRsCommitter.exchange, "committed", of_handle)
        replace = telling(committer.DeltaRsCommitter.replace, "committed", of_handle)

    class CommitterBySpark(committer.SparkCommitter):
        append = telling(committer.SparkCommitter.append, "committed", of_handle)
        replace = telling(committer.SparkCommitter.replace, "committed", of_handle)

    set_attribute(quarantine, "DeltaRsCommitter", QuarantineCommitter)
    set_attribute(publication, "SparkCommitter", CommitterBySpark)
    set_attribute(publication, "DeltaRsCommitter", TargetCommitter)
    merge, clean = attribute(publication, "merge"), attribute(settle, "clean")
    set_attribute(publication, "merge", telling(merge, "committed", lambda target, *rest: target.path))
    set_attribute(settle, "clean", telling(clean, "cleaned", lambda attempt: attempt.target.path))
    appended = telling(ledger.Ledger.append, "appended", lambda self, *rest: self.path)
    set_attribute(ledger.Ledger, "append", appended)
    created = telling(target.Handle.create, "created", lambda path, *rest: path)
    set_attribute(target.Handle, "create", staticmethod(created))
    entered = telling(lease.Lease.__enter__, "claimed", lambda self: self._folder.removesuffix("/_aurify/lease"))
    set_attribute(lease.Lease, "__enter__", entered)


def attribute(owner: Any, name: str) -> Any:
    """What a module calls by this name, imported there or its own."""
    return getattr(owner, name)


def table_at(path: str, warehouse: str) -> tuple[str, str]:
    """The table a path belongs to, and for a ledger its name: (`silver.orders`, "") or ("", `batches`)."""
    layer, name = path.removeprefix(f"{warehouse}/").split("/")[:2]
    if layer == "ledger":
        return "", name
    return (name.replace("_", ".", 1), "") if layer == "quarantine" else (f"{layer}.{name}", "")
