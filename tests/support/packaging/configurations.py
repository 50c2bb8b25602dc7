"""Which configurations the tests render: each component, each pair that goes together, and many drawn ones."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kubeflow_metadata.parts import SERVERS

DRAWN = 200

# Each component of manifests/metadata/components as a setting, with what it cannot do without.
COMPONENTS: dict[str, dict[str, Any]] = {
    "beside-kfp": {"besideKfp": {"enabled": True}},
    "existing": {"mysql": {"existingSecret": "my-secret", "storage": {"existingClaim": "my-claim"}}},
    "external-mysql": {
        "externalMysql": {"enabled": True, "host": "mysql.example.com", "tls": {"caSecret": "database-ca"}}
    },
    "high-availability": {"highAvailability": {"enabled": True}},
    "gateway-api": {"gatewayApi": {"enabled": True}},
    "ingress": {"ingress": {"enabled": True}},
    "istio": {"istio": {"enabled": True}},
    "monitoring": {"monitoring": {"enabled": True}},
    "replicas": {server.settings: {"replicas": 2} for server in SERVERS},
    "small": {"small": {"enabled": True}},
}
CONTRADICTIONS = [
    {"beside-kfp", "external-mysql"},
    {"small", "high-availability"},
    {"replicas", "high-availability"},
]

# What no component is for.
SPECIAL: dict[str, dict[str, Any]] = {
    "resources that follow": {
        "mysql": {"resources": {"requests": {"memory": "4Gi"}}},
        "grpc": {"resources": {"requests": {"memory": 2**30}}},
        "ui": {"resources": {"requests": {"cpu": 1}, "limits": {"memory": "90Mi"}}},
        "rest": {"resources": {"limits": {"cpu": "0.01"}}},
    },
    "numbers and booleans as texts": {
        "images": {"server": {"tag": 30}, "pullSecrets": [1234567]},
        "mysql": {"storage": {"existingClaim": 1234567}, "existingSecret": 1234567},
        "grpc": {"extraEnv": {"X": 1234567, "Y": False}},
        "scheduling": {"nodeSelector": {"gpu": False, "slots": 8}, "priorityClass": 1},
        "monitoring": {"enabled": True, "labels": {"release": 1234567}},
        "istio": {"enabled": True, "hosts": [1234567]},
    },
    "more of them": {
        "mysql": {"storage": {"storageClass": 1234567}},
        "externalMysql": {"enabled": True, "host": 1234567, "secret": 1234567, "tls": {"mode": False}},
        "pods": {"labels": {"a": 1234567}, "annotations": {"a": True}},
        "serviceAccounts": {"labels": {"a": 1234567}, "annotations": {"a": 1234567}},
        "ingress": {"enabled": True, "host": 1234567, "className": 1234567, "tlsSecret": 1234567},
        "gatewayApi": {"enabled": True, "gateway": 1234567, "hosts": [1234567]},
    },
    "OpenShift": {"pods": {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}}},
    "no network policies": {"networkPolicy": {"enabled": False}},
    "an ambient mesh": {"istio": {"enabled": True, "mode": "ambient"}, "monitoring": {"enabled": True}},
    "storage of one's own": {"mysql": {"storage": {"size": 10737418240}}},
}


@dataclass(frozen=True)
class Configuration:
    """Settings as a file has them, and the namespace that they are installed in."""

    name: str
    values: dict[str, Any] = field(default_factory=dict)
    namespace: str = "kubeflow"

    def __str__(self) -> str:
        return f"{self.name}, in {self.namespace}:\n{yaml.safe_dump(self.values)}"


def merged(*values: dict[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for each in values:
        whole.update(each)
    return whole


def replaces_ours(values: dict[str, Any]) -> bool:
    """Whether settings replace what we answer for before scanners."""
    pods, scheduling = values.get("pods", {}), values.get("scheduling", {})
    replaced = [pods.get("securityContext"), pods.get("containerSecurityContext"), scheduling.get("affinity")]
    return any(replaced) or not values.get("networkPolicy", {}).get("enabled", True)


def pairs() -> list[tuple[str, str]]:
    return [pair for pair in itertools.combinations(COMPONENTS, 2) if set(pair) not in CONTRADICTIONS]


def named() -> list[Configuration]:
    """The defaults, another namespace, each component and each pair."""
    found = [Configuration("defaults"), Configuration("another namespace", namespace="team-a")]
    found += [Configuration(name, values) for name, values in [*COMPONENTS.items(), *SPECIAL.items()]]
    found += [Configuration(f"{a} and {b}", merged(COMPONENTS[a], COMPONENTS[b])) for a, b in pairs()]
    return found


NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
NAMESPACES = st.one_of(st.sampled_from(["kubeflow", "on", "123", "1e3"]), NAMES)
SECRET_KEYS = st.from_regex(r"[-._a-zA-Z0-9]{1,20}", fullmatch=True)
DIGESTS = st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=20)
LABELS = st.dictionaries(
    st.sampled_from(["release", "team", "example.com/role", "node-role"]),
    st.from_regex(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,10}[A-Za-z0-9])?)?", fullmatch=True),
    max_size=2,
)
CIDRS = st.lists(st.sampled_from(["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]), unique=True, max_size=2)
ORIGINS = st.sampled_from(["https://kubeflow.example.com", "http://localhost:4200", "*"])
PORTS = st.integers(1, 65535)


def some(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A group in which each setting may be left out."""
    return st.fixed_dictionaries({}, optional=optional)


def switched(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"enabled": st.booleans()}, optional=optional)


# Limits are never below requests, and let every part run.
RESOURCES = some(
    requests=some(
        cpu=st.one_of(st.integers(1, 1000).map(lambda n: f"{n}m"), st.sampled_from([1, "0.5"])),
        memory=st.integers(1, 1024).map(lambda n: f"{n}Mi"),
    ),
    limits=some(
        cpu=st.one_of(st.integers(1, 8), st.integers(1000, 4000).map(lambda n: f"{n}m")),
        memory=st.integers(1024, 4096).map(lambda n: f"{n}Mi"),
    ),
)
VALUE_FROM = {"valueFrom": {"configMapKeyRef": {"name": "my-map", "key": "my-key"}}}
ENVIRONMENT = st.dictionaries(
    st.sampled_from(["HTTP_PROXY", "_x"]),
    st.one_of(TEXTS, st.integers(0, 10**9), st.just(VALUE_FROM)),
    max_size=2,
)


def environment(own: str) -> st.SearchStrategy[dict[str, Any]]:
    """Variables of any program, and one of the server's own."""
    return st.tuples(ENVIRONMENT, some(**{own: st.sampled_from(["1", 30, VALUE_FROM])})).map(
        lambda two: two[0] | two[1]
    )


IMAGE = some(
    repository=st.sampled_from(["registry.example.com:5000/ml/metadata", "ghcr.io/kubeflow/metadata-server"]),
    tag=st.sampled_from(["1.2.3", "1", "1e3", "v0.1.0-rc.1"]),
    digest=DIGESTS,
)
TOLERATION = st.one_of(
    st.fixed_dictionaries({"operator": st.just("Exists")}, optional={"key": st.just("gpu")}),
    st.fixed_dictionaries(
        {"key": st.sampled_from(["dedicated", "example.com/pool"]), "value": st.sampled_from(["ml", "true", ""])},
        optional={"effect": st.sampled_from(["NoSchedule", "PreferNoSchedule"])},
    ),
    st.fixed_dictionaries(
        {"key": st.just("unreachable"), "operator": st.just("Exists"), "effect": st.just("NoExecute")},
        optional={"tolerationSeconds": st.integers(0, 10**8)},
    ),
)
ANNOTATIONS = st.dictionaries(st.sampled_from(["team", "example.com/note"]), TEXTS, max_size=2)
AFFINITY = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd", "1"]}]}]
        }
    }
}
SPREAD = {
    "maxSkew": 2,
    "topologyKey": "kubernetes.io/hostname",
    "whenUnsatisfiable": "ScheduleAnyway",
    "labelSelector": {"matchLabels": {"team": "ml"}},
}
CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsUser": 123456,
}
SERVICE = some(type=st.sampled_from(["ClusterIP", "LoadBalancer"]), annotations=ANNOTATIONS)
REPLICAS = st.integers(1, 5)
STORAGE = st.one_of(
    some(size=st.sampled_from(["1Gi", "10Gi", "200G"]), storageClass=NAMES),
    st.fixed_dictionaries({"existingClaim": NAMES}),
)


@st.composite
def external_mysql(draw: st.DrawFn) -> dict[str, Any]:
    if not draw(st.booleans()):
        return {"enabled": False}
    mode = draw(st.sampled_from(["verify", "require", "off"]))
    tls = draw(some(caSecret=NAMES, caKey=SECRET_KEYS, clientSecret=NAMES)) | {"mode": mode}
    if mode == "verify":
        tls["caSecret"] = draw(NAMES)
    rest = some(
        port=PORTS,
        database=st.sampled_from(["metadb", "ml_metadata", "a-b$"]),
        secret=NAMES,
        userKey=st.just("user"),
        passwordKey=SECRET_KEYS.filter(lambda key: key not in {"user", "MYSQL_USERNAME"}),
        cidrs=CIDRS,
    )
    host = draw(st.sampled_from(["db.example.com", "mysql", "10.0.0.7", "2001:db8::7"]))
    return {"enabled": True, "host": host, "tls": tls, **draw(rest)}


@st.composite
def values(draw: st.DrawFn) -> dict[str, Any]:
    """Settings that go together."""
    found = draw(
        some(
            images=some(
                registry=st.sampled_from(["", "registry.example.com:5000/ml", "mirror"]),
                server=IMAGE,
                mysql=IMAGE,
                pullPolicy=st.sampled_from(["IfNotPresent", "Always", "Never"]),
                pullSecrets=st.lists(NAMES, unique=True, max_size=2),
            ),
            logLevel=st.sampled_from(["debug", "info", "warning", "error"]),
            mysql=some(
                storage=STORAGE,
                existingSecret=NAMES,
                resources=RESOURCES,
                bufferPool=st.sampled_from(["64M", "256M"]),
                maxConnections=st.integers(10, 100_000),
                extraArgs=st.lists(st.sampled_from(["--skip-name-resolve", "--sql-mode=", "--x=a b"]), max_size=2),
                besideUpstreamData=st.booleans(),
            ),
            grpc=some(
                replicas=REPLICAS,
                resources=RESOURCES,
                workerProcesses=st.integers(1, 8),
                workerThreads=st.integers(1, 64),
                maxConnectionAge=st.integers(30, 86_400),
                maxCallSeconds=st.integers(0, 86_400),
                service=SERVICE,
                extraEnv=environment("KFM_MLMD_GRACE_SECONDS"),
            ),
            rest=some(
                replicas=REPLICAS,
                resources=RESOURCES,
                schemas=NAMES,
                maxCallSeconds=st.integers(0, 86_400),
                service=SERVICE,
                extraEnv=environment("KFM_REST_MAX_BODY_BYTES"),
            ),
            ui=some(
                replicas=REPLICAS,
                resources=RESOURCES,
                service=SERVICE,
                extraEnv=environment("KFM_UI_LOG_LEVEL"),
            ),
            allowedOrigins=st.lists(ORIGINS, max_size=2),
            allowedHosts=st.lists(st.sampled_from(["ml.example.com", "2001:db8::7"]), max_size=2),
            scheduling=some(
                nodeSelector=LABELS,
                tolerations=st.lists(TOLERATION, max_size=2),
                affinity=st.just(AFFINITY),
                topologySpreadConstraints=st.just([SPREAD]),
                priorityClass=NAMES,
            ),
            pods=some(
                labels=LABELS,
                annotations=ANNOTATIONS,
                securityContext=st.just({"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}),
                containerSecurityContext=st.just(CONTAINER_SECURITY),
            ),
            serviceAccounts=some(labels=LABELS, annotations=ANNOTATIONS),
            network=some(
                ipFamilyPolicy=st.sampled_from(["", "SingleStack", "PreferDualStack"]),
                ipFamilies=st.sampled_from([[], ["IPv6"], ["IPv4", "IPv6"]]),
            ),
            ingress=switched(host=st.just("ml.example.com"), className=NAMES, tlsSecret=NAMES, annotations=ANNOTATIONS),
            gatewayApi=switched(
                gateway=st.sampled_from(["public", "ingress/public"]),
                hosts=st.lists(st.just("ml.example.com"), max_size=1),
            ),
            networkPolicy=some(
                gatewayNamespace=NAMESPACES,
                clientNamespaces=st.lists(NAMESPACES, unique=True, max_size=2),
                clientCidrs=CIDRS,
                apiServerCidrs=CIDRS,
                apiServerPorts=st.lists(PORTS, min_size=1, max_size=2, unique=True),
            ),
            externalMysql=external_mysql(),
            istio=switched(
                mode=st.sampled_from(["sidecar", "ambient"]),
                revision=st.sampled_from(["", "1-28", "123"]),
                gateway=st.sampled_from(["kubeflow-gateway", "ingress/public"]),
                hosts=st.lists(st.sampled_from(["*", "ml.example.com"]), min_size=1, unique=True),
            ),
            monitoring=switched(namespace=NAMESPACES, interval=st.sampled_from(["15s", "1m30s"]), labels=LABELS),
            highAvailability=switched(
                minReplicas=st.integers(2, 3), maxReplicas=st.integers(3, 9), targetCpu=st.integers(1, 200)
            ),
            besideKfp=switched(),
            small=switched(),
        )
    )
    return without_contradictions(found)


def without_contradictions(found: dict[str, Any]) -> dict[str, Any]:
    def on(name: str) -> bool:
        return bool(found.get(name, {}).get("enabled"))

    if on("externalMysql"):
        found.pop("besideKfp", None)
    if on("highAvailability"):
        found.pop("small", None)
        for server in SERVERS:
            found.get(server.settings, {}).pop("replicas", None)
    return found


def drawn() -> list[Configuration]:
    """Configurations drawn by hypothesis: the same ones in every run of CI, others elsewhere."""
    found: dict[str, Configuration] = {}

    @settings(
        max_examples=2 * DRAWN,
        database=None,
        deadline=None,
        derandomize=bool(os.environ.get("CI")),
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(values(), NAMESPACES)
    def draw(chosen: dict[str, Any], namespace: str) -> None:
        if len(found) < DRAWN:
            key = yaml.safe_dump([chosen, namespace])
            found.setdefault(key, Configuration(f"drawn {len(found)}", chosen, namespace))

    draw()
    return list(found.values())
