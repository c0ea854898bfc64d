"""Configuration directories for tests: a small good one, and what a test changes in it."""

from pathlib import Path

from deploydb.configuration import load

GOOD = {
    "services/foo.yml": "artifacts: [com.example:foo]\npipelines: [main]\npromotions: [smoke]\n",
    "pipelines/main.yml": "environments:\n  dev:\n  staging:\n    promotions: [soak]\n  prod:\n",
    "environments/dev.yml": "",
    "environments/staging.yml": "description: Like prod, smaller\n",
    "environments/prod.yml": "",
    "promotions/smoke.yml": "type: VerificationPromotion\n",
    "promotions/soak.yml": "type: SoakPromotion\nduration: 5s\n",
}


def config(folder: Path, changes: dict[str, str | bytes] | None = None) -> Path:
    """The good directory with these files in it, or in the place of its own."""
    for path, content in {**GOOD, **(changes or {})}.items():
        put(folder / "config" / path, content)
    return folder / "config"


def put(file: Path, content: str | bytes) -> None:
    """Write one file, with its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())


def problems_of(directory: Path) -> list[str]:
    """The problems of a directory, and what is missing, each `config/FILE:LINE:COLUMN: MESSAGE`."""
    loaded = load(directory)
    found = sorted((*loaded.problems, *loaded.missing))
    return [str(problem).removeprefix(f"{directory.parent}/") for problem in found]
