"""The table of checks: what each is called, and what should be so."""

from __future__ import annotations

from kubeflow_metadata.installer.cluster.checks.result import Check

CLUSTER = "Cluster"
RIGHTS = "Permissions"
NAMESPACE = "Namespace"
NODES = "Nodes"
STORAGE = "Storage"
IMAGES = "Images"
OBJECTS = "Objects"
DATABASE = "Database"
INSTALLATION = "Installation"
ANSWERS = "Servers"
DASHBOARD = "Dashboard"
MACHINE = "This machine"

# Before an installation.
API_SERVER = Check("KFM0101", CLUSTER, "The API server responds and knows the identity in use.")
CERTIFICATE = Check("KFM0102", CLUSTER, "The certificate of the API server is verified.")
VERSION = Check("KFM0103", CLUSTER, "The Kubernetes version is supported.")
PROXY = Check("KFM0104", CLUSTER, "A proxy, where one is set, is meant for this cluster.")
PROGRAMS = Check("KFM0105", CLUSTER, "The programs that make the objects are installed, in a supported version.")

INSTALL_RIGHTS = Check("KFM0111", RIGHTS, "The identity in use may install everything that the settings ask for.")
GRANTED_RIGHTS = Check("KFM0112", RIGHTS, "The identity in use has the permissions that it hands out.")
READ_RIGHTS = Check("KFM0113", RIGHTS, "The identity in use may read what status, check and logs show.")

NAMESPACE_STATE = Check("KFM0121", NAMESPACE, "The namespace exists, or can be created.")
POD_SECURITY = Check("KFM0122", NAMESPACE, "The namespace admits the pods.")
QUOTA = Check("KFM0123", NAMESPACE, "Quotas leave enough room.")
LIMIT_RANGE = Check("KFM0124", NAMESPACE, "Every container, pod and claim is within the namespace's limits.")

NODE_ROOM = Check("KFM0131", NODES, "The pods fit on the nodes.")

STORAGE_CLASS = Check("KFM0141", STORAGE, "The StorageClass exists.")
VOLUME = Check("KFM0142", STORAGE, "The database's claim can be bound.")

IMAGE = Check("KFM0151", IMAGES, "Every image is on a node, or in a registry.")
PULL_SECRETS = Check("KFM0152", IMAGES, "The pull Secrets exist and are usable.")

KINDS = Check("KFM0161", OBJECTS, "The cluster has every kind of object that the settings ask for.")
DRY_RUN = Check("KFM0162", OBJECTS, "The API server accepts every object, in a dry run.")
NAMES = Check("KFM0163", OBJECTS, "No name belongs to another installation.")
MANAGERS = Check("KFM0164", OBJECTS, "No object is managed by another tool.")
REFERENCES = Check("KFM0165", OBJECTS, "Every Secret and ConfigMap that the settings name exists and is complete.")

DATABASE_PROBE = Check("KFM0171", DATABASE, "The external database accepts the servers.")

# Of an installation.
CAUSES = Check("KFM0601", INSTALLATION, "Nothing keeps the servers from running.")
ENDPOINTS = Check("KFM0602", INSTALLATION, "Every Service has a pod that is ready.")
SECRET = Check("KFM0603", INSTALLATION, "The Secret of the database is complete.")
CLAIM = Check("KFM0604", INSTALLATION, "The claim of the database is bound.")
DRIFT = Check("KFM0605", INSTALLATION, "The objects are as they were applied.")
UI_ANSWERS = Check("KFM0611", ANSWERS, "The Artifact Store responds.")
REST_ANSWERS = Check("KFM0612", ANSWERS, "The REST backend reads the store.")
GRPC_ANSWERS = Check("KFM0613", ANSWERS, "The MLMD gRPC server reads the store.")
MENU_ENTRY = Check("KFM0621", DASHBOARD, "The menu of the Kubeflow dashboard leads to the Artifact Store.")

# Of this machine.
PYTHON = Check("KFM0401", MACHINE, "The Python version is supported.")
MODULES = Check("KFM0402", MACHINE, "The Python packages of the servers are installed.")
PORTS = Check("KFM0403", MACHINE, "The usual ports are free.")
DATA_DIRECTORY = Check("KFM0404", MACHINE, "The data directory is usable and this user's own.")
DISK = Check("KFM0405", MACHINE, "The disk has room for the database.")
SQLITE = Check("KFM0406", MACHINE, "The SQLite version is supported.")
SERVERS = Check("KFM0407", MACHINE, "The servers respond, if they were started.")

CHECKS = tuple(value for value in globals().copy().values() if isinstance(value, Check))
