import Button from "@mui/material/Button";

import { ApiError } from "../api/client";
import { RefreshIcon, WarningIcon } from "./icons";
import { Notice } from "./Notice";

interface FailureNoticeProps {
  heading: string;
  error: Error;
  retrying: boolean;
  onRetry: () => void;
}

export function FailureNotice({ heading, error, retrying, onRetry }: FailureNoticeProps) {
  return (
    <Notice icon={<WarningIcon />} heading={heading} alert>
      <p>{error.message}</p>
      <p>{advice(error)}</p>
      <Button variant="contained" startIcon={<RefreshIcon />} loading={retrying} onClick={onRetry}>
        Retry
      </Button>
    </Notice>
  );
}

function advice(error: Error) {
  const status = error instanceof ApiError ? error.status : undefined;
  if (status === 0) return "Check your connection and that the server is running, then retry.";
  if (status === 200 || status === 401 || status === 403)
    return "You may have been signed out. Reload the page to sign in again.";
  return (
    <>
      On a laptop, run <code>kubeflow-metadata status --local</code> to see which server is down. On a cluster, check{" "}
      <code>kubectl -n NAMESPACE get pods</code> and the logs of <code>deployment/metadata-deployment</code>, with the
      namespace of the installation.
    </>
  );
}
