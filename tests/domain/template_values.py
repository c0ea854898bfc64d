"""Values that a publisher may choose, to fill templates with."""

from hypothesis import strategies as st

from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.deployment import Deployment, Release
from tests.domain.given import NOON

HOSTILE = [
    '"} or vector(1) #',
    "'} or vector(1) #",
    "`} or vector(1) #",
    '\\"} or vector(1)',
    "\\",
    "\n",
    "\r",
    "#",
    "{version}{service}",
    ".*|.+",
    "$1",
    "\\E.*\\Q",
    "..",
    "../..",
    "a/b?c=d&e=f#g",
    "%2e%2e%2f",
    "@evil.example.com:80/",
    '", "admin": true, "x": "',
    "\ufffd\u2028\u0001",
    "]]{}()",
]
values = st.sampled_from(HOSTILE) | st.text(
    st.sampled_from("\"'`\\#{}()[]$.*|/?&=%@:;,+ \n\r\t1n") | st.characters(codec="utf-8", exclude_characters="\0"),
    min_size=1,
    max_size=12,
)


def known(value: str, *, service: str = "foo") -> Deployment:
    """A deployment of which a publisher has chosen every text."""
    artifact = Artifact(group=value, name=value, version=value, digest=value, commit=value)
    release = Release(id=1, artifact=artifact, published_at=NOON, published_by="ci")
    return Deployment(id=7, flow=1, service=service, environment="dev", release=release)
