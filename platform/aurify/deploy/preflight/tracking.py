"""The MLflow server, where models are used."""

from __future__ import annotations

from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from aurify.config.references import without_password
from aurify.deploy.preflight.finding import Finding, Grade, bad

PATIENCE_S = 10.0
KEY = "settings: mlflow.tracking"


def server(tracking: str | None, env: str, is_needed: bool) -> list[Finding]:
    """An MLflow server that answers; a file beside a driver is none on a cluster."""
    hint = f"mlflow.tracking in conf/{env}/settings.yml: an http address that nodes and this machine reach"
    if tracking is None:
        grade: Grade = "bad" if is_needed else "warning"
        return [Finding(KEY, "none, and the project has models", grade, "an MLflow server", hint, is_setting=True)]
    if tracking.startswith(("sqlite:", "file:")) or ("://" not in tracking and tracking != "databricks"):
        return [bad(KEY, f"{tracking}, a file beside a driver", "an MLflow server", hint, is_setting=True)]
    if not tracking.startswith(("http://", "https://")):
        return [Finding("MLflow", f"{without_password(tracking)}, not looked at")]
    shown = without_password(tracking)
    try:
        with urlopen(f"{tracking.rstrip('/')}/version", timeout=PATIENCE_S) as answer:
            return [Finding("MLflow", f"{answer.read(64).decode(errors='replace')} at {shown}")]
    except HTTPError as error:
        if error.code in (401, 403):
            return [Finding("MLflow", f"{shown} answers, and asks who we are")]
        return [bad("MLflow", f"{shown}: {error.code} {error.reason}", "an MLflow server that answers", hint)]
    except (URLError, OSError) as error:
        return [bad("MLflow", f"{shown}: {getattr(error, 'reason', error)}", "an MLflow server that answers", hint)]
