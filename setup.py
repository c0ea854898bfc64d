"""The packages: `workers/` is installed as `deploydb.workers`, `config/` as `deploydb/example/config`.

Everything else is in pyproject.toml.
"""

from setuptools import find_namespace_packages, setup

setup(
    packages=[*find_namespace_packages(include=["deploydb*"]), "deploydb.workers", "deploydb.example.config"],
    package_dir={"deploydb.workers": "workers", "deploydb.example.config": "config"},
)
