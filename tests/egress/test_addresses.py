"""Which addresses may be asked: everybody's by default, ours where it is allowed."""

from ipaddress import ip_address

import pytest

from deploydb.domain.model.errors import Misconfigured
from deploydb.egress import EgressPolicy


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("127.8.9.10", "loopback"),
        ("::1", "loopback"),
        ("10.1.2.3", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("fd00::1", "private"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("0.1.2.3", "reserved"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("192.0.2.1", "reserved"),
        ("2001:db8::1", "reserved"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:169.254.169.254", "link-local"),
        ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("64:ff9b:1::a00:1", "private"),
        ("2002:7f00:1::", "loopback"),
        ("2002:a9fe:a9fe::1", "link-local"),
        ("::7f00:1", "loopback"),
        ("::a9fe:a9fe", "link-local"),
        ("::ffff:0:7f00:1", "loopback"),
        ("fd00:ec2::254", "metadata"),
        ("fd20:ce::254", "metadata"),
        ("100.100.100.200", "metadata"),
        ("192.0.0.192", "metadata"),
        ("168.63.129.16", "metadata"),
        ("::ffff:100.100.100.200", "metadata"),
        ("64:ff9b::c000:c0", "metadata"),
        ("192.0.0.8", "reserved"),
        ("192.88.99.1", "reserved"),
        ("64:ff9b:1::101:101", "reserved"),
        ("3fff::1", "reserved"),
        ("3fff:fff::1", "reserved"),
        ("5f00::1", "reserved"),
        ("fec0::1", "reserved"),
        ("feff::1", "reserved"),
        ("100::1", "reserved"),
        ("4000::1", "reserved"),
        ("2001:0:7f00:1::1", "loopback"),
    ],
)
def test_what_is_not_public_is_refused_by_default_with_what_to_set(address: str, kind: str) -> None:
    answer = EgressPolicy().refusal("example.com", ip_address(address))
    assert answer is not None
    assert f"is a {kind} address: not asked; to allow it, set DEPLOYDB_OUTGOING_ALLOW=" in answer


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_public_addresses_are_asked(address: str) -> None:
    assert EgressPolicy().refusal("example.com", ip_address(address)) is None


@pytest.mark.parametrize(
    ("setting", "host", "address", "allowed"),
    [
        ("private", "prometheus", "10.1.2.3", True),
        ("private", "prometheus", "::ffff:10.1.2.3", True),
        ("private", "prometheus", "127.0.0.1", False),
        ("private", "metadata", "169.254.169.254", False),
        ("10.1.0.0/16", "prometheus", "10.1.2.3", True),
        ("10.1.0.0/16", "prometheus", "10.2.2.3", False),
        ("127.0.0.1", "localhost", "127.0.0.1", True),
        ("127.0.0.1", "localhost", "::1", False),
        ("localhost", "localhost", "::1", True),
        ("prometheus, other", "Prometheus.", "10.1.2.3", True),
        ("prometheus", "other", "10.1.2.3", False),
        ("prometheus", "prometheus", "169.254.169.254", False),
        ("169.254.169.254/32", "metadata", "169.254.169.254", True),
        ("169.254.0.0/16", "metadata", "169.254.169.254", False),
        ("169.254.0.0/16", "printer", "169.254.1.2", True),
        ("fd00:ec2::254", "metadata", "fd00:ec2::254", True),
        ("fd00::/8", "prometheus", "fd00::1", True),
        ("fd00::/8", "metadata", "fd00:ec2::254", False),
        ("100.64.0.0/10", "metadata", "100.100.100.200", False),
        ("3fff::/20", "example", "3fff::1", True),
    ],
)
def test_the_setting_allows_networks_and_hosts(setting: str, host: str, address: str, allowed: bool) -> None:
    assert (EgressPolicy.parse(setting).refusal(host, ip_address(address)) is None) is allowed


@pytest.mark.parametrize("setting", ["private", "inside", "private,inside"])
@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "192.0.0.192",
        "::ffff:100.100.100.200",
        "3fff::1",
        "5f00::1",
        "fec0::1",
        "fe80::1",
        "64:ff9b:1::1",
        "64:ff9b:1::a00:1",
        "64:ff9b:1::101:101",
        "64:ff9b::a00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:a00:1::1",
        "2002:6464:64c8::1",
        "::a00:1",
        "2001:0:a00:1::1",
    ],
)
def test_no_word_allows_metadata_reserved_ranges_or_a_tunnel_to_the_inside(setting: str, address: str) -> None:
    refusal = EgressPolicy.parse(setting).refusal("inside", ip_address(address))
    assert refusal is not None
    assert "(or private)" not in refusal


@pytest.mark.parametrize("word", ["10.0.0.0/33", "10.1.2.3/8", "http://prometheus", "300.1.1.1", "a b", "-x"])
def test_a_word_that_is_neither_is_misconfigured(word: str) -> None:
    with pytest.raises(Misconfigured, match=r"DEPLOYDB_OUTGOING_ALLOW: .* is no network, address or host name"):
        EgressPolicy.parse(f"private,{word}")


def test_the_refusal_of_a_private_address_names_both_settings() -> None:
    assert EgressPolicy().refusal("prometheus", ip_address("10.1.2.3")) == (
        "prometheus is 10.1.2.3, which is a private address: not asked; "
        "to allow it, set DEPLOYDB_OUTGOING_ALLOW=10.1.2.3 (or private)"
    )
