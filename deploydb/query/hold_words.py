"""A hold in one line where its lane is not named beside it."""


def whole(kind: str, service: str | None, environment: str | None, text: str) -> str:
    """The text of a hold, with what it leaves out: `search: 1.0 is vetoed by dave`."""
    if service is None or kind not in ("pin", "veto"):
        return text
    return f"{service} in {environment}: {text}" if kind == "pin" else f"{service}: {text}"
