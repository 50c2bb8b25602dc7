import Button from "@mui/material/Button";

import { CodeBlock } from "../common/CodeBlock";
import { BoxIcon, RefreshIcon } from "../common/icons";
import { Notice } from "../common/Notice";

const FIRST_ARTIFACT = `from kfmd import metadata

workspace = metadata.Workspace(
    backend_url_prefix="127.0.0.1:8080", name="my-workspace"
)
run = metadata.Run(workspace=workspace, name="first-run")
execution = metadata.Execution(name="training", workspace=workspace, run=run)
execution.log_output(
    metadata.Model(name="my-model", uri="gs://my-bucket/my-model", version="v1")
)`;

interface EmptyStoreProps {
  refreshing: boolean;
  onRefresh: () => void;
}

export function EmptyStore({ refreshing, onRefresh }: EmptyStoreProps) {
  return (
    <Notice icon={<BoxIcon />} heading="No artifacts yet">
      <p>
        Models, data sets and metrics appear here once a workflow logs them. To log the first one from Python, run{" "}
        <code>pip install kubeflow-metadata-sdk</code> and:
      </p>
      <CodeBlock code={FIRST_ARTIFACT} label="example" />
      <p>
        Inside a cluster the address is <code>metadata-service.NAMESPACE:8080</code>, with the namespace of the
        installation.
      </p>
      <Button variant="outlined" startIcon={<RefreshIcon />} loading={refreshing} onClick={onRefresh}>
        Refresh
      </Button>
    </Notice>
  );
}
