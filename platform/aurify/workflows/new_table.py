"""A new table: its file, its suite, and a test that passes at once."""

from __future__ import annotations

import getpass
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from aurify.config.columns import parse_columns
from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem
from aurify.tables.discovery import Definition
from aurify.tables.reading import ENGINE_LAYERS, NAME
from aurify.tables.spec import Recompute, TableSpec, Upsert
from aurify.workflows.file_profile import FileProfile, read_profile
from aurify.workflows.table_templates import Draft, Shape, suite_text, table_text, test_text

PLACEHOLDER = FileProfile("id string, value string", "csv", "*.csv*", filled=("id",))


@dataclass(frozen=True)
class NewTable:
    """What was written, relative to the project root, and where its files are looked for if it is fed by some."""

    table: str
    module: str
    file: str
    suite: str
    test: str
    files_go_into: str | None


def new_table(definition: Definition, name: str, *, source: Path | None = None, reads: str | None = None) -> NewTable:
    """Write the three files of a table that is fed by files like `source`, or reads the table `reads`.

    ConfigurationError where one of them is there already: nothing is overwritten.
    """
    _refuse_name(definition, name)
    if source is not None and reads is not None:
        raise ConfigurationError.of(name, "--from and --reads", "one of them", "a file is read by a table of its own")
    draft = _from_table(definition, name, reads) if reads else _from_files(definition, name, source)
    folder = _tables_folder(definition)
    stem = name.replace(".", "_")
    module = ".".join([*folder.relative_to(definition.root / "platform").parts, stem])
    texts = {
        folder / f"{stem}.py": table_text(draft),
        definition.root / definition.project.suites / f"{stem}.yml": suite_text(draft),
        definition.root / "tests" / "integration" / f"test_{stem}.py": test_text(draft, module),
    }
    _write_all(definition.root, name, texts)
    file, suite, test = (path.relative_to(definition.root).as_posix() for path in texts)
    landing = f"{definition.settings.source_root}/{draft.function}" if draft.shape is Shape.FILES else None
    return NewTable(name, module, file, suite, test, landing)


def _refuse_name(definition: Definition, name: str) -> None:
    if not NAME.fullmatch(name) or name.split(".")[0] in ENGINE_LAYERS:
        hint = "lower-case letters, digits and _, like silver.pos_lines"
        raise ConfigurationError.of(name, f"the name '{name}'", "layer.table", hint)
    if name in definition.specs:
        raise ConfigurationError.of(name, f"this table, in {definition.specs[name].file}", "a new name")


def _from_files(definition: Definition, name: str, source: Path | None) -> Draft:
    """A table fed by a folder: like a file that is there, or a first form to be edited."""
    if source is None and not name.startswith("bronze."):
        hint = "--reads bronze.x for a table made of another, --from FILE for one fed by files"
        raise ConfigurationError.of(name, "nothing that it reads", "its input", hint)
    profile = read_profile(source) if source else PLACEHOLDER
    rows = parse_columns(profile.columns)
    return Draft(name, Shape.FILES, rows, rows, _owner(definition), profile=profile)


def _from_table(definition: Definition, name: str, reads: str) -> Draft:
    """A table made of another: its newest rows by key, or groups of them in gold."""
    from aurify.tables.graph import order

    if reads not in definition.specs:
        from aurify.errors import did_you_mean

        hint = did_you_mean(reads, order(definition.specs))
        raise ConfigurationError.of(name, f"the table '{reads}' to read", "a table of the project", hint)
    source = definition.specs[reads]
    rows = parse_columns(source.columns)
    owner = _owner(definition)
    if name.startswith("gold.") or isinstance(source.write, Recompute):
        return _groups(name, source, owner)
    if source.folder is not None:
        taken = [field.name for field in rows.fields]
        changed_at = next(n for n in ("changed_at", "delivered_at", "newest_delivery_at") if n not in taken)
        columns = parse_columns(f"{source.columns}, {changed_at} timestamp")
        key = rows.fields[0].name
        return Draft(name, Shape.NEWEST_DELIVERY, rows, columns, owner, reads, keys=(key,), order_by=changed_at)
    if isinstance(source.write, Upsert):
        by = source.write.order_by
        return Draft(name, Shape.NEWEST, rows, rows, owner, reads, keys=source.keys, order_by=by)
    return Draft(name, Shape.ROWS, rows, rows, owner, reads, keys=source.keys)


def _groups(name: str, source: TableSpec, owner: str) -> Draft:
    """Rows counted by a column: one that is no key, if there is one that can be grouped by."""
    rows = parse_columns(source.columns)
    fit = [f for f in rows.fields if f.dataType.typeName() not in ("map", "array", "struct", "binary")]
    if not fit:
        raise ConfigurationError.of(name, f"no column of {source.name} to group by", "a text, number or date")
    by = next((f for f in fit if f.name not in source.keys), fit[0])
    counted = "row_count" if by.name != "row_count" else "rows_counted"
    columns = parse_columns(f"{quoted(by.name)} {by.dataType.simpleString()}, {counted} bigint")
    own = tuple(key for key in source.keys if key in rows.names and key != by.name)
    return Draft(name, Shape.GROUPS, rows, columns, owner, source.name, keys=(by.name,), source_keys=own)


def _owner(definition: Definition) -> str:
    """The team that owns most tables of the project, else who runs the command."""
    owners = Counter(spec.owner for spec in definition.specs.values())
    return owners.most_common(1)[0][0] if owners else getpass.getuser()


def _tables_folder(definition: Definition) -> Path:
    """The first of the project's modules that is a package of its own."""
    platform = definition.root / "platform"
    for module in definition.project.modules:
        folder = platform.joinpath(*module.split("."))
        if folder.is_dir():
            return folder
    listed = ", ".join(definition.project.modules)
    raise ConfigurationError.of(
        "conf/base/project.yml", f"modules: {listed}, none of them a folder", "a package below platform/ for new tables"
    )


def _write_all(root: Path, name: str, texts: dict[Path, str]) -> None:
    there = [path for path in texts if path.exists()]
    if there:
        problems = [Problem(path.relative_to(root).as_posix(), "a file", "no file of this name") for path in there]
        raise ConfigurationError(f"{name}: nothing was written", problems, "move it away, or choose another name")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as out:
            out.write(text)
