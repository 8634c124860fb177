"""What S3 refuses, in words that tell what to set."""

from __future__ import annotations

import os
import re

from aurify.errors import EnvironmentFailure

_CODE = re.compile(r"<Code>(\w+)</Code>(?:<Message>([^<]*)</Message>)?")
# Where a client looks for the role of a machine when it was given no keys.
_OF_THE_MACHINE = ("169.254.169.254", "169.254.170.2")
_KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


def unreachable(place: str, said: str) -> EnvironmentFailure:
    """Why a bucket can't be read, from what the client says."""
    found, hint = _told(said)
    return EnvironmentFailure.of(place, found, "a bucket that answers", hint)


def created_twice(place: str) -> EnvironmentFailure:
    """What to say of a store that lets two drivers create one file."""
    hint = "a store with conditional PUT (If-None-Match), or HDFS; two drivers would lose each other's commits here"
    return EnvironmentFailure.of(place, "a file could be created twice under one name", "the second refused", hint)


def _told(said: str) -> tuple[str, str]:
    """What was found, and what to do."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT") or "Amazon's own address"
    code = _CODE.search(said)
    if any(address in said for address in _OF_THE_MACHINE):
        return "no credentials: no keys in the environment, and no role of the machine", f"set {_KEYS}"
    if code is not None:
        found = ": ".join(filter(None, code.groups()))
        if code[1] == "NoSuchBucket":
            return found, f"look at warehouse and sources in the settings; {endpoint} was asked"
        return found, f"look at {_KEYS}, and AWS_REGION; {endpoint} was asked"
    if "builder error" in said and endpoint.startswith("http:"):
        return f"{endpoint}, an address without TLS", "set AWS_ALLOW_HTTP=true where that is wanted"
    told = said.partition("\n")[0].rpartition(" - ")[2]  # before it stands how long that took
    return f"no answer: {told}", f"look at AWS_ENDPOINT_URL and the network; {endpoint} was asked"
