"""The image, made once for all tests of this folder."""

import pytest

from tests.containers.container import needs_namespaces
from tests.containers.image import Image, build


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    needs_namespaces()
    return build(tmp_path_factory.mktemp("image"))
