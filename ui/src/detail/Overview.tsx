import Box from "@mui/material/Box";
import Chip from "@mui/material/Chip";

import { CopyButton } from "../common/CopyButton";
import { LongText } from "../common/LongText";
import { Timestamp } from "../common/Timestamp";
import { TypeName } from "../common/TypeName";
import { Uri } from "../common/Uri";
import type { Artifact } from "../model/artifact";
import { isJsonObject, scalarText, isContainer, type Json } from "../model/json";
import { Definitions, type Definition } from "./Definitions";
import { JsonView } from "./JsonView";
import { Section } from "./Section";

interface OverviewProps {
  artifact: Artifact;
  /** What `__ALL_META__` holds. */
  document: object | undefined;
}

export function Overview({ artifact, document }: OverviewProps) {
  const highlights = highlightsOf(document);
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2,
        alignItems: "start",
        gridTemplateColumns: {
          xs: "minmax(0, 1fr)",
          md: highlights.length > 0 ? "minmax(0, 3fr) minmax(0, 2fr)" : "minmax(0, 1fr)",
        },
      }}
    >
      <Section heading="Overview">
        <Definitions items={facts(artifact, document)} />
      </Section>
      {highlights.length > 0 && (
        <Box sx={{ display: "grid", gap: 2 }}>
          {highlights.map(([heading, value]) => (
            <Section key={heading} heading={heading}>
              <JsonView value={value} />
            </Section>
          ))}
        </Box>
      )}
    </Box>
  );
}

function facts(artifact: Artifact, document: object | undefined): Definition[] {
  const items: (Definition | false)[] = [
    { term: "Type", value: <TypeName name={artifact.type} /> },
    { term: "ID", value: artifact.id },
    { term: "URI", value: artifact.uri ? <CopyableUri uri={artifact.uri} /> : <Nothing /> },
    { term: "Workspace", value: artifact.workspace || <Nothing /> },
    { term: "Run", value: artifact.run || <Nothing /> },
    { term: "Created", value: artifact.createTime ? <Timestamp text={artifact.createTime} /> : <Nothing /> },
    artifact.updateTime !== "" && { term: "Updated", value: <Timestamp text={artifact.updateTime} /> },
    artifact.state !== "" && { term: "State", value: artifact.state },
    artifact.externalId !== "" && { term: "External ID", value: <LongText text={artifact.externalId} /> },
    artifact.description !== "" && { term: "Description", value: <LongText text={artifact.description} /> },
    ...fromDocument(document),
  ];
  return items.filter((item) => item !== false);
}

/** What the SDK knows of an artifact beyond its properties. */
function fromDocument(document: Json): Definition[] {
  if (!isJsonObject(document)) return [];
  const { training_framework: framework, labels } = document;
  const items: Definition[] = [];
  if (isJsonObject(framework)) {
    const words = [framework.name, framework.version].filter((part) => part !== undefined && part !== null);
    items.push({ term: "Training framework", value: words.map(scalarText).join(" ") });
  }
  if (isJsonObject(labels)) {
    items.push({ term: "Labels", value: <Labels labels={labels} /> });
  }
  return items;
}

/** The parts of `__ALL_META__` that people open an artifact for. */
function highlightsOf(document: Json): [heading: string, value: object][] {
  if (!isJsonObject(document)) return [];
  const parts: [string, Json][] = [
    ["Metric values", document.values],
    ["Hyperparameters", document.hyperparameters],
  ];
  return parts.filter((part): part is [string, object] => isContainer(part[1]));
}

function Labels({ labels }: { labels: Record<string, Json> }) {
  return (
    <Box sx={{ display: "flex", flexWrap: "wrap", gap: 0.75 }}>
      {Object.entries(labels).map(([name, value]) => (
        <Chip key={name} size="small" label={isContainer(value) ? name : `${name}: ${scalarText(value)}`} />
      ))}
    </Box>
  );
}

function CopyableUri({ uri }: { uri: string }) {
  return (
    <Box sx={{ display: "flex", alignItems: "flex-start", gap: 0.5 }}>
      <Box sx={{ minWidth: 0 }}>
        <Uri uri={uri} />
      </Box>
      <CopyButton text={uri} label="Copy URI" />
    </Box>
  );
}

function Nothing() {
  return (
    <Box component="span" sx={{ color: "text.secondary" }}>
      —
    </Box>
  );
}
