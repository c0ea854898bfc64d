"""Parsing broker URLs, and showing them."""

from pathlib import Path

import pytest

from deploydb.broker.address import EmbeddedAddress, RabbitMQAddress, parse_address
from deploydb.domain.model.errors import Misconfigured


@pytest.mark.parametrize(
    ("url", "shown", "vhost"),
    [
        ("amqp://ci:pw@mq.example.com:5673/prod", "amqp://ci@mq.example.com:5673/prod", "prod"),
        ("amqp://mq", "amqp://guest@mq:5672//", "/"),
        ("amqp://mq/", "amqp://guest@mq:5672//", "/"),
        ("amqp://mq/%2F", "amqp://guest@mq:5672//", "/"),
        ("amqp://mq/a%2Fb", "amqp://guest@mq:5672/a/b", "a/b"),
        ("amqps://u:p%40ss@mq", "amqps://u@mq:5671//", "/"),
        ("amqp://u:p@[::1]:1/v", "amqp://u@[::1]:1/v", "v"),
    ],
)
def test_a_rabbitmq_url_is_read_whole_and_shown_without_its_password(url: str, shown: str, vhost: str) -> None:
    address = parse_address(url)
    assert isinstance(address, RabbitMQAddress)
    assert (str(address), address.vhost) == (shown, vhost)


def test_user_password_and_tls_files_are_read() -> None:
    address = parse_address("amqps://a%40b:p%2Fq@mq/v?cafile=/ca.pem&certfile=/c.pem&keyfile=/k.pem")
    assert isinstance(address, RabbitMQAddress)
    assert (address.user, address.password) == ("a@b", "p/q")
    assert (address.tls, address.cafile, address.certfile, address.keyfile) == (True, "/ca.pem", "/c.pem", "/k.pem")


def test_tls_files_that_cannot_be_read_are_named() -> None:
    address = parse_address("amqps://mq?cafile=/absent.pem")
    assert isinstance(address, RabbitMQAddress)
    with pytest.raises(Misconfigured, match=r"cafile=/absent\.pem"):
        address.tls_context()


def test_an_embedded_url_is_a_path() -> None:
    assert parse_address("embedded:data/broker.db") == EmbeddedAddress(path=Path("data/broker.db"))
    assert str(parse_address("embedded:/var/lib/d b.db")) == "embedded:/var/lib/d b.db"


@pytest.mark.parametrize(
    "url", ["", "embedded:", "embedded", "http://u:s3cret@h", "amqp://u:s3cret@h:port/", "amqp://u:s3cret@h?x=1"]
)
def test_other_urls_are_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(Misconfigured, match="DEPLOYDB_BROKER_URL") as raised:
        parse_address(url)
    assert "s3cret" not in str(raised.value)
