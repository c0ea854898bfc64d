"""The keys of access.yml."""

from typing import Annotated

from msgspec import Meta, Struct

from deploydb.configuration.documents import Names, Patterns


class GrantDocument(Struct, kw_only=True, frozen=True):
    """Facts that a publisher may say. In each list `*` stands for any text."""

    facts: Annotated[
        Patterns | None, Meta(description="The types of its facts, such as `deployment.*`. By default all.")
    ] = None
    services: Annotated[Patterns | None, Meta(description="The services that they are about. By default all.")] = None
    environments: Annotated[
        Patterns | None, Meta(description="The environments that they are about. By default all.")
    ] = None
    promotions: Annotated[
        Patterns | None, Meta(description="The promotions of its verifications and approvals. By default all.")
    ] = None
    sources: Annotated[
        Patterns | None,
        Meta(description="The sources of its facts. By default all but those of DeployDB's own programs."),
    ] = None
    vouches: Annotated[
        bool,
        Meta(description="Whether it may send approvals and orders of people: it names them truly. By default not."),
    ] = False


class AccessDocument(Struct, kw_only=True, frozen=True):
    """access.yml: the members of groups, the rights of groups, and what each publisher may say."""

    groups: Annotated[dict[str, Names], Meta(description="The people of each group, by name.")] = {}
    override_freeze: Annotated[
        Names, Meta(description="The groups whose members may let a release pass a freeze. By default none.")
    ] = []
    override: Annotated[
        Names, Meta(description="Further groups of `override_freeze`, under the name beside the other rights.")
    ] = []
    approve: Annotated[
        Names,
        Meta(description="The groups whose members approve manual promotions without `groups`. By default all people."),
    ] = []
    veto: Annotated[
        Names, Meta(description="The groups whose members may place and lift vetoes. By default all people.")
    ] = []
    freeze: Annotated[
        Names, Meta(description="The groups whose members may place and lift freezes. By default all people.")
    ] = []
    publishers: Annotated[
        dict[str, GrantDocument | list[GrantDocument]] | None,
        Meta(
            description="What each publisher may say: a user of the broker, a token, `v1@ADDRESS` or `v1@NETWORK`, "
            "`hooks/NAME`; `*` stands for any text. With several grants, one of them has to fit. A publisher that no "
            "entry names may say nothing. Without this key, all may say everything."
        ),
    ] = None
