import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { useState } from "react";

import { LongText } from "../common/LongText";
import { isContainer, prettyJson, scalarText, type Json } from "../model/json";
import { MONO } from "../theme";

const FIRST = 50;
const DEEPEST = 6;

interface JsonViewProps {
  value: Json;
  depth?: number;
}

/** JSON as nested lists of terms and values. */
export function JsonView({ value, depth = 0 }: JsonViewProps) {
  if (!isContainer(value)) return <Scalar value={value} />;
  const entries = Object.entries(value) as [string, Json][];
  if (entries.length === 0) return <Scalar value={Array.isArray(value) ? "empty list" : "empty"} muted />;
  if (Array.isArray(value) && entries.length <= FIRST && entries.every(([, item]) => !isContainer(item))) {
    return <Scalar value={`[${entries.map(([, item]) => scalarText(item)).join(", ")}]`} />;
  }
  if (depth >= DEEPEST) return <LongText text={prettyJson(value)} />;
  return <Entries entries={entries} depth={depth} />;
}

function Entries({ entries, depth }: { entries: [string, Json][]; depth: number }) {
  const [limit, setLimit] = useState(FIRST);
  return (
    <>
      <Box
        component="dl"
        sx={{
          m: 0,
          ...(depth > 0 && { pl: 2, borderLeft: 1, borderColor: "divider" }),
          "& > div": {
            display: "grid",
            gridTemplateColumns: "minmax(90px, 180px) minmax(0, 1fr)",
            columnGap: 2,
            py: 0.25,
          },
          "& > div.nested": { display: "block" },
          "& dt": { color: "text.secondary", overflowWrap: "anywhere" },
          "& dd": { m: 0, minWidth: 0, overflowWrap: "anywhere" },
        }}
      >
        {entries.slice(0, limit).map(([key, item]) => (
          <div key={key} className={nests(item) ? "nested" : undefined}>
            <dt>{key}</dt>
            <dd>
              <JsonView value={item} depth={depth + 1} />
            </dd>
          </div>
        ))}
      </Box>
      {entries.length > limit && (
        <Button
          size="small"
          onClick={() => {
            setLimit(limit * 4);
          }}
        >
          Show more of {entries.length.toLocaleString()}
        </Button>
      )}
    </>
  );
}

function nests(value: Json): boolean {
  return isContainer(value) && (!Array.isArray(value) || value.some(isContainer)) && Object.keys(value).length > 0;
}

function Scalar({ value, muted = false }: { value: Json; muted?: boolean }) {
  const quiet = muted || value === null;
  const mono = typeof value !== "string" || value.startsWith("[");
  return (
    <Box
      component="span"
      sx={{ ...(mono && { fontFamily: MONO, fontSize: "0.92em" }), ...(quiet && { color: "text.secondary" }) }}
    >
      <LongText text={scalarText(value)} />
    </Box>
  );
}
