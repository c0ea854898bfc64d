"""What differs between two configurations, in words."""

import pytest

from deploydb.configuration.differences import differences

PIPELINE = "environments:\n  dev:\n  prod:\n"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (PIPELINE, "environments:\n  dev:\n  canary:\n  prod:\n", ["environments.canary added"]),
        (PIPELINE, "environments:\n  dev:\n", ["environments.prod removed"]),
        (PIPELINE, "environments:\n  prod:\n  dev:\n", ["environments in another order: prod, dev"]),
        (PIPELINE, PIPELINE + "supersede: queue\n", ["supersede added: queue"]),
        (PIPELINE, "# words\n" + PIPELINE, []),
        ("duration: 2h\n", "duration: 4h\n", ["duration 2h → 4h"]),
        ("groups: [a]\n", "groups: [a, b]\n", ["groups [a] → [a, b]"]),
        ("a: {b: true}\n", "a: {b: false, c: 1}\n", ["a.b true → false", "a.c added: 1"]),
        ("a: {b: 1}\n", "a: [b]\n", ["a {'b': 1} → [b]"]),
        ("", "a: 1\n", ["all of it nothing → {'a': 1}"]),
        (None, "a: 1\n", ["added"]),
        ("a: 1\n", None, ["removed"]),
        ("url: https://a/token\n", "url: https://b/token\n", ["url changed"]),
        (
            "headers: {Authorization: Bearer abc}\n",
            "headers: {Authorization: Bearer def}\n",
            ["headers.Authorization changed"],
        ),
        ("password: old-secret\n", "password: new-secret\n", ["password changed"]),
        ("a: 1\n", "a: [https://hook.example/T0/secret]\n", ["a changed"]),
        ("", "hook: https://hook.example/T0/secret\n", ["all of it changed"]),
        ("a: 1\n", "a: 1\nhook: https://hook.example/T0/secret\n", ["hook added"]),
    ],
)
def test_each_key_that_differs_is_named_and_no_secret_is_shown(
    old: str | None, new: str | None, words: list[str]
) -> None:
    given = [{"pipelines/main.yml": text} if text is not None else {} for text in (old, new)]
    assert differences(*given) == tuple(f"pipelines/main.yml: {word}" for word in words)


def test_many_differences_are_counted() -> None:
    found = differences({}, {f"services/s{number:03}.yml": "" for number in range(103)})
    assert len(found) == 101
    assert found[-1] == "3 more"
