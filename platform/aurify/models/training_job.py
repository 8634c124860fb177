"""The Spark jobs of a fit: why they failed."""

from __future__ import annotations

import re

MORE_TIME = "give it more time, more workers, fewer rounds or fewer rows"
CAUSES = (
    r"\b[A-Z][\w ]* call failed in LightGBM with error: .*$",
    r"^(?!org\.|java\.|py4j\.)[\w.]*(?:Error|Exception): .+$",
    r"Python worker exited unexpectedly.*$",
    r"Job (?:aborted|\d+ cancelled).*$",
    r"\S.*$",
)


def reason(text: str) -> str:
    """The cause in what Spark tells of a failed job: an error of LightGBM or of Python before a worker's end.

    >>> reason("Job aborted: Traceback (most recent call last):\\nlightgbm.basic.LightGBMError: bad value\\n\\tat org")
    'lightgbm.basic.LightGBMError: bad value'
    >>> reason("An error occurred\\n: org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)\\n")
    'Python worker exited unexpectedly (crashed)'
    """
    for cause in CAUSES:
        found = re.search(cause, text, re.MULTILINE)
        if found:
            return found[0]
    return text
