"""The one spelling of a person's name, wherever it comes from: facts, brokers, tokens, proxies and `access.yml`."""

from unicodedata import normalize


def person_name(name: str) -> str:
    """The name in Unicode's compatibility form (NFKC), without blanks around it. Otherwise names are compared exactly:
    `Sue` and `sue` are two people. A name of blanks alone stays as it is."""
    if name.isascii() and name[:1] != " " and name[-1:] != " ":
        return name
    normal = normalize("NFKC", name).strip() or name
    return name if normal == name else normal
