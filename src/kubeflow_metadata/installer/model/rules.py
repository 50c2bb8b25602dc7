"""Rules between settings, and names that settings have in other charts.

All of it is data: the model reads it here, and the chart reads what ``make generate`` writes of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic.alias_generators import to_snake

from kubeflow_metadata.installer.model import sizes
from kubeflow_metadata.parts import PARTS, SERVERS

if TYPE_CHECKING:
    from kubeflow_metadata.installer.model.settings import Settings


@dataclass(frozen=True)
class Condition:
    """A condition on one setting. Without a comparison, it holds if the setting is neither empty nor false.

    Attributes:
        setting: its path.
        equals: the text that it has.
        above: the number that it exceeds.
        below: the path of another setting, which it is less than.
    """

    setting: str
    equals: str | None = None
    above: int | None = None
    below: str | None = None

    def holds(self, settings: Settings) -> bool:
        """Returns whether it is so."""
        value = value_at(settings, self.setting)
        if self.equals is not None:
            return bool(value == self.equals)
        if self.above is not None:
            return bool(value > self.above)
        if self.below is not None:
            return bool(value < value_at(settings, self.below))
        return bool(value)


@dataclass(frozen=True)
class Rule:
    """What settings must keep to.

    Attributes:
        when: the conditions under which the rule applies; without any, always.
        needs: what must hold then.
        forbids: what must not hold then.
        sentence: what is said where the rule is broken.
    """

    sentence: str
    when: tuple[Condition, ...] = ()
    needs: Condition | None = None
    forbids: Condition | None = None

    def is_broken(self, settings: Settings) -> bool:
        """Returns whether the settings break it."""
        if not all(condition.holds(settings) for condition in self.when):
            return False
        lacking = self.needs is not None and not self.needs.holds(settings)
        return lacking or (self.forbids is not None and self.forbids.holds(settings))


RULES: tuple[Rule, ...] = (
    Rule(
        when=(Condition("besideKfp.enabled"),),
        forbids=Condition("externalMysql.enabled"),
        sentence=(
            "besideKfp.enabled and externalMysql.enabled are mutually exclusive: Kubeflow Pipelines chooses the "
            "database. Set externalMysql.enabled to false, or configure that database in Kubeflow Pipelines."
        ),
    ),
    Rule(
        when=(Condition("small.enabled"),),
        forbids=Condition("highAvailability.enabled"),
        sentence=(
            "small.enabled and highAvailability.enabled are mutually exclusive: small saves resources, "
            "highAvailability runs several replicas of each server. Set one of them to false."
        ),
    ),
    Rule(
        when=(Condition("externalMysql.enabled"),),
        needs=Condition("externalMysql.host"),
        sentence="externalMysql.enabled requires externalMysql.host: set it to the host of your database.",
    ),
    Rule(
        when=(Condition("externalMysql.host"),),
        needs=Condition("externalMysql.enabled"),
        sentence=(
            "externalMysql.host is set but externalMysql.enabled is false: set enabled to true, or leave host empty."
        ),
    ),
    Rule(
        when=(Condition("externalMysql.enabled"), Condition("externalMysql.tls.mode", equals="verify")),
        needs=Condition("externalMysql.tls.caSecret"),
        sentence=(
            "externalMysql.tls.mode verify requires externalMysql.tls.caSecret: set it to the Secret that holds the "
            "CA certificate of your database, or set the mode to require (encrypted, not verified) or off."
        ),
    ),
    Rule(
        when=(Condition("mysql.storage.existingClaim"),),
        forbids=Condition("mysql.storage.storageClass"),
        sentence=(
            "mysql.storage.existingClaim and mysql.storage.storageClass are mutually exclusive: an existing claim "
            "keeps its StorageClass. Leave one of them empty."
        ),
    ),
    Rule(
        forbids=Condition("highAvailability.maxReplicas", below="highAvailability.minReplicas"),
        sentence="highAvailability.maxReplicas is less than highAvailability.minReplicas: raise it to at least that.",
    ),
    *(
        Rule(
            when=(Condition("highAvailability.enabled"),),
            forbids=Condition(f"{server.settings}.replicas", above=1),
            sentence=(
                f"highAvailability.enabled and {server.settings}.replicas are mutually exclusive: the servers are "
                f"autoscaled. Set highAvailability.minReplicas instead of {server.settings}.replicas."
            ),
        )
        for server in SERVERS
    ),
)

# Arguments of mysqld that mysql.extraArgs cannot set, and why.
FIXED_ARGUMENTS: dict[str, str] = {
    "innodb-buffer-pool-size": "use mysql.bufferPool",
    "max-connections": "use mysql.maxConnections",
    "port": "Services, probes and NetworkPolicies use 3306",
    **dict.fromkeys(("bind-address", "networking"), "the gRPC server connects over the network"),
    **dict.fromkeys(("datadir", "tmpdir", "secure-file-priv", "socket", "pid-file"), "volumes are mounted elsewhere"),
    **dict.fromkeys(("user", "basedir", "daemonize", "initialize", "initialize-insecure"), "the image sets it"),
}
# What may stand before the name of an argument without changing which one it is.
ARGUMENT_PREFIXES = "^--(?:loose-|maximum-)*(?:skip-|disable-|enable-)?"

_SERVERS_REPLICAS = ", ".join(f"{server.settings}.replicas" for server in SERVERS)

# Names from other charts, or from earlier versions, and what says the same here.
MOVED: dict[str, str] = {
    "image": "images.server",
    "imagePullPolicy": "images.pullPolicy",
    "imagePullSecrets": "images.pullSecrets",
    "replicaCount": _SERVERS_REPLICAS,
    "replicas": _SERVERS_REPLICAS,
    "resources": ", ".join(f"{name}.resources" for name in ("mysql", *(server.settings for server in SERVERS))),
    "nodeSelector": "scheduling.nodeSelector",
    "tolerations": "scheduling.tolerations",
    "priorityClassName": "scheduling.priorityClass",
    "rest.grpcWebAllowedOrigins": "allowedOrigins",
    "persistence": "mysql.storage",
    "mysql.persistence": "mysql.storage (existingClaim, size, storageClass)",
    "mysql.image": "images.mysql",
    "mysql.enabled": "externalMysql.enabled (true: MySQL is not installed)",
    "mysql.auth": "mysql.existingSecret (empty: passwords are generated)",
    "externalDatabase": "externalMysql",
    "autoscaling": "highAvailability",
    "serviceMonitor": "monitoring",
    "metrics": "monitoring",
}


def value_at(settings: Settings, path: str) -> Any:
    """Returns the value of a setting, by its path as files have it."""
    value: Any = settings
    for name in path.split("."):
        value = getattr(value, to_snake(name))
    return value


def problems_with(settings: Settings) -> list[str]:
    """Returns the sentences of all rules that the settings break."""
    problems = [rule.sentence for rule in RULES if rule.is_broken(settings)]
    for argument in settings.mysql.extra_args:
        name = re.sub(ARGUMENT_PREFIXES, "", argument).partition("=")[0]
        if name in FIXED_ARGUMENTS:
            problems.append(f"mysql.extraArgs must not contain {argument}: {FIXED_ARGUMENTS[name]}.")
    for part in PARTS:
        problems += sizes.contradictions(settings, part)
    return problems


def unknown_setting(path: str, known: list[str]) -> str:
    """Returns what is said about a name that no setting has."""
    if path in MOVED:
        return f"{path}: no such setting; use {MOVED[path]}."
    return f"{path}: no such setting. Settings here: {', '.join(sorted(known)) or 'none'}."
