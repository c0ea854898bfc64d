import pytest, socket
from urllib.parse import urlsplit
@pytest.mark.parametrize("n", range(4))
def test_probe(broker_url, database_url, n):
    print(broker_url, database_url)
