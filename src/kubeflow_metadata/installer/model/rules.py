"""What does not go together, and why; and what settings are called here that other charts call differently.

The chart's own checks are made of the same tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.alias_generators import to_snake

if TYPE_CHECKING:
    from kubeflow_metadata.installer.model.settings import Settings

# Two settings that are both on (not empty, not false), and why that cannot be.
CONFLICTS: list[tuple[str, str, str]] = [
    (
        "besideKfp.enabled",
        "externalMysql.enabled",
        (
            "beside Kubeflow Pipelines the database is the pipelines' own; set externalMysql.enabled to false, "
            "or tell Kubeflow Pipelines to use that database"
        ),
    ),
    (
        "small.enabled",
        "highAvailability.enabled",
        "small makes room on a laptop, highAvailability runs every server several times; set one of them to false",
    ),
]

# If the first is on, the second must be set; and why.
NEEDS: list[tuple[str, str, str]] = [
    ("externalMysql.enabled", "externalMysql.host", "where the database is"),
]

# Names from other charts, or from earlier versions, and what says the same here.
MOVED: dict[str, str] = {
    "image": "images.server",
    "imagePullPolicy": "images.pullPolicy",
    "imagePullSecrets": "images.pullSecrets",
    "replicaCount": "grpc.replicas, rest.replicas and ui.replicas",
    "replicas": "grpc.replicas, rest.replicas and ui.replicas",
    "resources": "mysql.resources, grpc.resources, rest.resources and ui.resources",
    "nodeSelector": "scheduling.nodeSelector",
    "tolerations": "scheduling.tolerations",
    "priorityClassName": "scheduling.priorityClass",
    "persistence": "mysql.storage",
    "mysql.persistence": "mysql.storage",
    "mysql.image": "images.mysql",
    "mysql.enabled": "externalMysql.enabled (true: no MySQL is installed)",
    "mysql.auth": "externalMysql.secret (the Secret of the MySQL that comes along is made by itself)",
    "externalDatabase": "externalMysql",
    "autoscaling": "highAvailability",
    "serviceMonitor": "monitoring",
    "metrics": "monitoring",
}


def value_at(settings: Settings, path: str) -> Any:
    found: Any = settings
    for name in path.split("."):
        found = getattr(found, to_snake(name))
    return found


def problem_with(settings: Settings) -> str:
    """Why these settings cannot be together; empty where they can."""
    for first, second, reason in CONFLICTS:
        if value_at(settings, first) and value_at(settings, second):
            return f"{first} and {second} contradict each other: {reason}."
    for switch, needed, what in NEEDS:
        if value_at(settings, switch) and not value_at(settings, needed):
            return f"{switch} needs {needed}: {what}."
    tls = settings.external_mysql.tls
    if settings.external_mysql.enabled and tls.mode == "verify" and not tls.ca_secret:
        return (
            "externalMysql.tls.mode is verify and externalMysql.tls.caSecret is empty: name the Secret with the CA "
            "of the database's certificate, or set the mode to require (encrypted, not verified) or off."
        )
    if settings.external_mysql.host and not settings.external_mysql.enabled:
        return "externalMysql.host is set and externalMysql.enabled is false: set enabled to true, or leave host empty."
    if settings.high_availability.enabled:
        for server in ("grpc", "rest", "ui"):
            if getattr(settings, server).replicas > 1:
                return (
                    f"highAvailability.enabled and {server}.replicas contradict each other: pods are autoscaled; "
                    f"set highAvailability.minReplicas instead of {server}.replicas."
                )
    return ""
