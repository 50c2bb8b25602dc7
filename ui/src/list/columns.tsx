import Box from "@mui/material/Box";
import Link from "@mui/material/Link";
import {
  createColumnHelper,
  createPaginatedRowModel,
  createSortedRowModel,
  metaHelper,
  rowPaginationFeature,
  rowSortingFeature,
  tableFeatures,
  type Row as TableRow,
} from "@tanstack/react-table";
import { Link as RouterLink } from "react-router";

import { clip } from "../common/clip";
import { Timestamp } from "../common/Timestamp";
import { TypeName } from "../common/TypeName";
import { Uri } from "../common/Uri";
import { artifactPath } from "../model/links";
import type { ColumnId } from "./listState";
import type { Row } from "./rows";

interface ColumnMeta {
  width: string;
  /** Narrower windows leave the column out. */
  from?: "sm" | "md" | "lg";
}

export const features = tableFeatures({
  rowSortingFeature,
  rowPaginationFeature,
  sortedRowModel: createSortedRowModel(),
  paginatedRowModel: createPaginatedRowModel(),
  columnMeta: metaHelper<ColumnMeta>(),
});

const helper = createColumnHelper<typeof features, Row>();

/** `v1.10` comes after `v1.9`, and case does not matter. */
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function byText(a: TableRow<typeof features, Row>, b: TableRow<typeof features, Row>, column: string): number {
  return collator.compare(a.getValue(column), b.getValue(column));
}

function textColumn(id: ColumnId & keyof Row["artifact"], header: string, meta: ColumnMeta) {
  return helper.accessor((row) => row.artifact[id] || undefined, {
    id,
    header,
    meta,
    sortFn: byText,
    sortUndefined: "last",
    cell: ({ row }) => {
      const value = row.original.artifact[id];
      return <span title={clip(value)}>{clip(value)}</span>;
    },
  });
}

export const columns = helper.columns([
  {
    ...textColumn("name", "Name", { width: "22%" }),
    cell: ({ row: { original } }) => <NameCell row={original} />,
  },
  {
    ...textColumn("type", "Type", { width: "19%", from: "sm" }),
    cell: ({ row }) => <TypeName name={row.original.artifact.type} />,
  },
  textColumn("version", "Version", { width: "9%", from: "sm" }),
  textColumn("workspace", "Workspace", { width: "11%", from: "md" }),
  helper.accessor("createdAt", {
    id: "created",
    header: "Created",
    meta: { width: "18%" },
    sortFn: (a, b) => (a.original.createdAt ?? 0) - (b.original.createdAt ?? 0),
    sortUndefined: "last",
    sortDescFirst: true,
    cell: ({ row }) => <Timestamp text={clip(row.original.artifact.createTime)} />,
  }),
  {
    ...textColumn("uri", "URI", { width: "21%", from: "lg" }),
    cell: ({ row }) => <Uri uri={row.original.artifact.uri} />,
  },
]);

function NameCell({ row: { artifact } }: { row: Row }) {
  return (
    <>
      <Link
        component={RouterLink}
        to={artifactPath(artifact.type, artifact.id)}
        title={clip(artifact.name)}
        sx={{ fontWeight: 600 }}
        underline="hover"
      >
        {clip(artifact.name)}
      </Link>
      <Box sx={{ display: { sm: "none" }, fontSize: "0.75rem", color: "text.secondary" }}>
        <TypeName name={artifact.type} short />
      </Box>
    </>
  );
}
