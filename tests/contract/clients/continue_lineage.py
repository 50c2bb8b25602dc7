"""Continue the lineage of what is stored: with the object that was logged, by its id, and by names.

Usage: continue_lineage.py MODULE URL WORKSPACE. Prints JSON.
"""

import importlib
import json
import sys

metadata = importlib.import_module(sys.argv[1])

workspace = metadata.Workspace(backend_url_prefix=sys.argv[2], name=sys.argv[3])
run = metadata.Run(workspace=workspace, name="first run")


def step(name):
    return metadata.Execution(name=name, workspace=workspace, run=run)


train, evaluate, deploy, audit = map(step, ("train", "evaluate", "deploy", "audit"))
model = train.log_output(metadata.Model(name="MNIST", uri="gs://m", version=3, hyperparameters={"layers": [10, 1]}))
first_id = model.id
evaluate.log_input(model)
evaluate.log_input(model)
deploy.log_input(model.id)
workspace.execution(audit.id).log_input(workspace.artifact(name="MNIST", version="3"))
workspace.execution(name="audit", run=workspace.run("first run")).log_input(workspace.list()[0])

refused = {}
for what, call in {
    "artifact": lambda: workspace.artifact("999999999"),
    "execution": lambda: workspace.execution("999999999"),
    "named": lambda: workspace.artifact(name="MINST"),
    "type": lambda: workspace.list("Model"),
}.items():
    try:
        call()
    except (metadata.openapi_client.NotFoundException, ValueError) as error:
        refused[what] = type(error).__name__

json.dump(
    {
        "same_id": model.id == first_id,
        "models": [[fields["id"] == first_id, fields["version"], fields["run"]] for fields in workspace.list()],
        "events": [[event.execution_id, event.type] for event in workspace.client.list_events2(first_id).events],
        "expected": [
            [train.id, "OUTPUT"],
            [evaluate.id, "INPUT"],
            [deploy.id, "INPUT"],
            [audit.id, "INPUT"],
        ],
        "taken": repr(workspace.artifact(first_id)) == repr(workspace.artifact(name="MNIST")),
        "kind": type(workspace.artifact(int(first_id))).__name__,
        "refused": refused,
    },
    sys.stdout,
)
