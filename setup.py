"""The packages: `workers/` is installed as `deploydb.workers`. Everything else is in pyproject.toml."""

from setuptools import find_namespace_packages, setup

setup(
    packages=[*find_namespace_packages(include=["deploydb*"]), "deploydb.workers"],
    package_dir={"deploydb.workers": "workers"},
)
