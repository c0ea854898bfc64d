"""Addresses of images: name, tag and digest; and tags that are no versions."""

import re

from msgspec import Struct

_DIGEST = re.compile(r"sha(256|384|512):[0-9a-f]{12,128}")
_CHECKSUM = re.compile(r"[0-9a-f]{64}")
_OF_MANIFEST = re.compile(r"sha(256|512)[:_-]+[0-9a-f]{12,128}([.][a-z0-9.]+)?", re.IGNORECASE)


class Image(Struct, frozen=True, kw_only=True):
    """`host:port/name:tag@sha256:…` in its parts."""

    name: str
    tag: str | None
    digest: str | None


def image_of(address: str) -> Image:
    """The parts of an address. A port of the host is no tag."""
    place, _, digest = address.partition("@")
    name, colon, tag = place.rpartition(":")
    if not colon or "/" in tag:
        name, tag = place, ""
    return Image(name=name, tag=tag or None, digest=digest_of(digest))


def digest_of(text: str | None) -> str | None:
    """A digest in small letters; of the hexadecimal digits alone that of SHA-256. None where it is none."""
    small = (text or "").lower()
    if _CHECKSUM.fullmatch(small):
        return f"sha256:{small}"
    return small if _DIGEST.fullmatch(small) else None


def is_of_manifest(tag: str) -> bool:
    """Whether a tag is a digest, or that of a signature, an attestation or a referrer: `sha256-….sig`."""
    return _OF_MANIFEST.fullmatch(tag) is not None
