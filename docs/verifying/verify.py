#!/usr/bin/env python3
"""Checks that a notification comes from Open Connectors. Needs nothing but Python 3.9.

SIGNATURE_KEY=... verify.py standard ID TIMESTAMP SIGNATURE [NOW] < body
SIGNATURE_KEY=... verify.py elements SIGNATURE < body
"""

import base64
import hashlib
import hmac
import os
import sys
import time

TOLERANCE = 5 * 60  # seconds


def sign(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def key_bytes(key: str) -> bytes:
    """A key of the Standard Webhooks specification is base64 after `whsec_`, else text."""
    if not key.startswith("whsec_"):
        return key.encode()
    text = key[len("whsec_"):].rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def verify(key: str, id: str, timestamp: str, signatures: str, body: bytes, now: float) -> bool:
    """The headers webhook-id, webhook-timestamp and webhook-signature."""
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(now - int(timestamp)) > TOLERANCE:
        return False
    expected = "v1," + sign(key_bytes(key), f"{id}.{timestamp}.".encode() + body)
    # While keys are rotated there are two signatures, and one of them is ours.
    return any([hmac.compare_digest(expected.encode(), one.encode()) for one in signatures.split()])


def verify_elements(key: str, signature: str, body: bytes) -> bool:
    """The header Elements-Webhook-Signature, whose key is the text as it is."""
    expected = "sha256=" + sign(key.encode(), body)
    return hmac.compare_digest(expected.encode(), signature.encode())


if __name__ == "__main__":
    key, body = os.environ["SIGNATURE_KEY"], sys.stdin.buffer.read()
    kind, *rest = sys.argv[1:]
    if kind == "elements":
        genuine = verify_elements(key, rest[0], body)
    else:
        genuine = verify(key, *rest[:3], body, float(rest[3]) if len(rest) > 3 else time.time())
    print("genuine" if genuine else "refused")
    sys.exit(0 if genuine else 1)
