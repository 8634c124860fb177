"""Names inside expressions: columns that may hold dots, spaces and backquotes."""


def quoted(name: str) -> str:
    """The name as Spark reads it literally.

    >>> quoted("net `unit` price.eur")
    '`net ``unit`` price.eur`'
    """
    return "`" + name.replace("`", "``") + "`"
