"""GenerateManifests: a QuickSight manifest for each published output."""

from __future__ import annotations

from typing import Any

from lambdas.settings import Settings
from medical_charges.manifests import generate_manifests


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Gives {manifests: URIs}."""
    settings = Settings.read()
    store = settings.store()
    keys = generate_manifests(store, settings.contract())
    return {"manifests": [f"{store.uri}/{key}" for key in keys]}
