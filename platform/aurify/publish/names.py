"""Names inside expressions: columns that may hold dots, spaces and backquotes."""


def quoted(name: str) -> str:
    """The name as Spark reads it literally."""
    return "`" + name.replace("`", "``") + "`"
