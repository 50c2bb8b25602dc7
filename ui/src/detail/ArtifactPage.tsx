import Box from "@mui/material/Box";
import Breadcrumbs from "@mui/material/Breadcrumbs";
import Chip from "@mui/material/Chip";
import IconButton from "@mui/material/IconButton";
import Link from "@mui/material/Link";
import { useMemo } from "react";
import { Link as RouterLink, useLocation, useNavigate } from "react-router";

import { ApiError } from "../api/client";
import { useArtifact } from "../api/queries";
import { clip } from "../common/clip";
import { FailureNotice } from "../common/FailureNotice";
import { ArrowBackIcon } from "../common/icons";
import { NotFoundPage } from "../common/NotFoundPage";
import { useTitle } from "../common/useTitle";
import { ALL_META, title, type Artifact } from "../model/artifact";
import { ARTIFACTS, parseArtifactPath } from "../model/links";
import { parseDocument } from "../model/json";
import { DetailSkeleton } from "./DetailSkeleton";
import { EventSection } from "./EventSection";
import { MetadataSection } from "./MetadataSection";
import { Overview } from "./Overview";
import { PropertySection } from "./PropertySection";

/** A grid column that its content cannot widen. */
const ONE = "minmax(0, 1fr)";
const GRID = { display: "grid", gap: 2, alignItems: "start" };

export function ArtifactPage() {
  const target = parseArtifactPath(useLocation().pathname);
  return target ? <LoadedArtifact key={target.id} {...target} /> : <NotFoundPage />;
}

function LoadedArtifact({ type, id }: { type: string; id: string }) {
  const { data, error, isFetching, refetch } = useArtifact(type, id);
  if (data) return <ArtifactView artifact={data} />;
  if (error instanceof ApiError && error.status === 404) {
    return <NotFoundPage what={`There is no artifact with id ${id}.`} />;
  }
  if (error) {
    return (
      <FailureNotice
        heading="Artifact could not be loaded"
        error={error}
        retrying={isFetching}
        onRetry={() => void refetch()}
      />
    );
  }
  return <DetailSkeleton />;
}

function ArtifactView({ artifact }: { artifact: Artifact }) {
  useTitle(clip(title(artifact), 80));
  const document = useMemo(() => parseDocument(artifact.allMeta), [artifact.allMeta]);

  return (
    <>
      <Heading artifact={artifact} />
      <Box sx={{ ...GRID, gridTemplateColumns: ONE }}>
        <Overview artifact={artifact} document={document} />
        <EventSection id={artifact.id} />
        <Box sx={{ ...GRID, gridTemplateColumns: { xs: ONE, lg: `${ONE} ${ONE}` } }}>
          <PropertySection
            heading="Properties"
            properties={artifact.properties.filter(({ name }) => name !== ALL_META)}
          />
          <PropertySection heading="Custom properties" properties={artifact.customProperties} />
        </Box>
        {artifact.allMeta && <MetadataSection text={artifact.allMeta} document={document} />}
      </Box>
    </>
  );
}

function Heading({ artifact }: { artifact: Artifact }) {
  const navigate = useNavigate();
  const cameFromOurs = useLocation().key !== "default";
  const name = clip(artifact.name);

  return (
    <Box sx={{ mb: 2 }}>
      <Breadcrumbs aria-label="Breadcrumb" sx={{ fontSize: "0.85rem", mb: 0.5 }}>
        <Link component={RouterLink} to={ARTIFACTS} underline="hover">
          Artifacts
        </Link>
        <Box component="span" sx={{ overflowWrap: "anywhere" }}>
          {clip(artifact.name, 80)}
        </Box>
      </Breadcrumbs>
      <Box sx={{ display: "flex", alignItems: "center", gap: 1, ml: -1 }}>
        <IconButton
          aria-label="Back"
          title="Back"
          onClick={() => {
            void (cameFromOurs ? navigate(-1) : navigate(ARTIFACTS));
          }}
        >
          <ArrowBackIcon />
        </IconButton>
        <Box component="h1" sx={{ typography: "h1", m: 0, minWidth: 0, overflowWrap: "anywhere" }}>
          {name}
          {artifact.version && (
            <Chip size="small" variant="outlined" label={clip(artifact.version)} sx={{ ml: 1.25 }} />
          )}
        </Box>
      </Box>
    </Box>
  );
}
