"""The commands of docs/how-to/packages.md, by what they do. Their tests and fixtures run each of them."""

from tests.documents.site import steps

MAKE_DIST, PIPX, _BUILD, INSTALL = (step.command for step in steps("how-to/packages.md"))
APT_GET, MAKE_DEB = _BUILD.splitlines()
