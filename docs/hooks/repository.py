"""MkDocs: links of the documents to files of the repository beside docs/, as they work where the repository is read.

A Markdown file beside docs/ that is linked becomes a page `repository/NAME.md`. Any other file is copied below
`repository/`. A link to a file that is not there is a warning of MkDocs, and so an error of `make docs`. A link to a
section of the reference leads to its generated page, which a checkout does not have.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
BESIDE = "repository"
REFERENCE = "reference/README.md"
_LINK = re.compile(r"(\]\()(?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?(?=[)\s])")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the files that documents link to, and those that these link to."""
    to_read = [f"docs/{page.src_uri}" for page in files.documentation_pages()]
    while to_read:
        page = to_read.pop()
        for _, link, _ in _LINK.findall((ROOT / page).read_text(encoding="utf-8")):
            target = _target(page, link)
            if target.startswith("docs/") or not (ROOT / target).is_file():
                continue
            if files.get_file_from_path(f"{BESIDE}/{target}") is None:
                files.append(File.generated(config, f"{BESIDE}/{target}", abs_src_path=str(ROOT / target)))
                if target.endswith(".md"):
                    to_read.append(target)
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Write the links as MkDocs resolves them: between pages of the site."""
    here = page.file.src_uri
    source = here.removeprefix(f"{BESIDE}/") if here.startswith(f"{BESIDE}/") else f"docs/{here}"

    def link(found: re.Match[str]) -> str:
        target = _target(source, found[2])
        within = target.removeprefix("docs/") if target.startswith("docs/") else f"{BESIDE}/{target}"
        anchor = found[3] or ""
        if within == REFERENCE and files.get_file_from_path(made := f"reference/{anchor[1:]}.md"):
            within, anchor = made, ""
        return f"{found[1]}{posixpath.relpath(within, posixpath.dirname(here) or '.')}{anchor}"

    return _LINK.sub(link, markdown)


def _target(source: str, link: str) -> str:
    """The path of a link's file from the root of the repository."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
