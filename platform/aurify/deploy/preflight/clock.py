"""How far a clock elsewhere is from the one here."""

from __future__ import annotations

from aurify.deploy.preflight.finding import Finding, bad

MOST_SKEW_S = 30.0


def clock(skew_s: float, of: str) -> Finding:
    """Whether two clocks agree well enough for leases and freshness."""
    text = f"{skew_s:.0f} s between {of} and here"
    if skew_s > MOST_SKEW_S:
        hint = "set the time on both (NTP): leases and freshness are judged by it"
        return bad("clock", text, f"{MOST_SKEW_S:.0f} s at most", hint)
    return Finding("clock", text)
