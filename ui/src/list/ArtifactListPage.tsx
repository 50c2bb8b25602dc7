import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import IconButton from "@mui/material/IconButton";
import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";

import { useArtifacts } from "../api/queries";
import { FailureNotice } from "../common/FailureNotice";
import { RefreshIcon, SearchIcon } from "../common/icons";
import { Notice } from "../common/Notice";
import { useTitle } from "../common/useTitle";
import type { Artifact } from "../model/artifact";
import { ArtifactTable } from "./ArtifactTable";
import { EmptyStore } from "./EmptyStore";
import { FilterBox } from "./FilterBox";
import { ListSkeleton } from "./ListSkeleton";
import { readListState, writeListState, type ListState } from "./listState";
import { filterRows, toRows } from "./rows";

export function ArtifactListPage() {
  useTitle("Artifacts");
  const { data, error, isFetching, refetch } = useArtifacts();
  const refresh = () => void refetch();

  if (data?.length === 0) return <EmptyStore refreshing={isFetching} onRefresh={refresh} />;
  if (data) {
    return <ArtifactList artifacts={data} outdated={error !== null} refreshing={isFetching} onRefresh={refresh} />;
  }
  if (error) {
    return (
      <FailureNotice heading="Artifacts could not be loaded" error={error} retrying={isFetching} onRetry={refresh} />
    );
  }
  return <ListSkeleton />;
}

interface ArtifactListProps {
  artifacts: Artifact[];
  /** The last refresh failed. */
  outdated: boolean;
  refreshing: boolean;
  onRefresh: () => void;
}

function ArtifactList({ artifacts, outdated, refreshing, onRefresh }: ArtifactListProps) {
  const [params, setParams] = useSearchParams();
  const state = useMemo(() => readListState(params), [params]);
  const rows = useMemo(() => toRows(artifacts), [artifacts]);
  const found = useMemo(() => filterRows(rows, state.filter), [rows, state.filter]);

  const change = useCallback(
    (changed: Partial<ListState>) => {
      setParams((previous) => writeListState({ ...readListState(previous), ...changed }), { replace: true });
    },
    [setParams],
  );
  const changeFilter = useCallback(
    (filter: string) => {
      change({ filter, page: 0 });
    },
    [change],
  );

  return (
    <>
      <Box sx={{ display: "flex", flexWrap: "wrap", alignItems: "center", gap: 1.5, mb: 2 }}>
        <Box component="h1" sx={{ typography: "h1", m: 0, flexGrow: 1, width: { xs: "100%", sm: "auto" } }}>
          Artifacts
        </Box>
        <FilterBox value={state.filter} onChange={changeFilter} />
        <IconButton aria-label="Refresh" title="Refresh" disabled={refreshing} onClick={onRefresh}>
          <RefreshIcon fontSize="small" />
        </IconButton>
      </Box>
      {outdated && (
        <Alert severity="warning" sx={{ mb: 2 }}>
          Refresh failed. Showing the last list loaded.
        </Alert>
      )}
      {found.length > 0 ? (
        <ArtifactTable rows={found} state={state} onChange={change} />
      ) : (
        <Notice icon={<SearchIcon />} heading="No matches" level="h2">
          <p>
            None of the {artifacts.length.toLocaleString()} artifacts match “{state.filter}”.
          </p>
          <Button
            variant="outlined"
            onClick={() => {
              changeFilter("");
            }}
          >
            Clear filter
          </Button>
        </Notice>
      )}
    </>
  );
}
