"""A Dockerfile over the layers of an image, for those who build with an engine, on a system of their own."""

from __future__ import annotations

import json
from pathlib import Path

from aurify.deploy.artifact import whole
from aurify.deploy.image.base_image import JAVA, PACKAGES, USER
from aurify.deploy.image.image import HOME, WORK, Image

HEAD = """\
# docker build -t registry.example/team/aurify .aurify/package
# Another base needs a Java 17, tini and libgomp1, and a user {user}: --build-arg BASE=...
ARG BASE=debian:bookworm-slim
FROM ${{BASE}}
RUN mkdir -p /usr/share/man/man1 \\
 && apt-get update && apt-get install -y --no-install-recommends {packages} \\
 && rm -rf /var/lib/apt/lists/* \\
 && (getent passwd {user} || echo "spark:x:{user}:0::{work}:/bin/bash" >> /etc/passwd)
"""


def write_dockerfile(path: Path, image: Image, layout: str) -> None:
    """Write it beside a layout; Docker unpacks what it adds."""
    config = json.loads(image.config)["config"]
    own = image.layers[len(image.base) :]
    lines = [
        *(f"ADD {layout}/blobs/{one.digest.replace(':', '/')} /" for one in own),
        *(f"ENV {variable}" for variable in config["Env"] if not variable.startswith(("PATH=", "JAVA_HOME="))),
        f"ENV JAVA_HOME={JAVA}",
        f"USER {USER}",
        f"WORKDIR {WORK}",
        f'ENTRYPOINT ["{HOME}/entrypoint.sh"]',
    ]
    head = HEAD.format(user=USER, work=WORK, packages=" ".join(PACKAGES))
    with whole(path) as aside:
        aside.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
