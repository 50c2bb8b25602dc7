import type { Artifact } from "../model/artifact";
import { localTime, parseTime } from "../model/time";

export interface Row {
  artifact: Artifact;
  createdAt: number | undefined;
  /** Every cell in lower case, for the filter. */
  searchText: string;
}

/** Rows in order of id, newest first: this order stays among rows that sort alike. */
export function toRows(artifacts: Artifact[]): Row[] {
  return artifacts.map(toRow).sort((a, b) => compareIds(b.artifact.id, a.artifact.id));
}

export function filterRows(rows: Row[], filter: string): Row[] {
  const wanted = filter.trim().toLowerCase();
  return wanted ? rows.filter((row) => row.searchText.includes(wanted)) : rows;
}

function toRow(artifact: Artifact): Row {
  const createdAt = parseTime(artifact.createTime);
  const { name, type, version, workspace, uri, createTime } = artifact;
  const shownTime = createdAt === undefined ? "" : localTime(createdAt);
  return {
    artifact,
    createdAt,
    searchText: [name, type, version, workspace, createTime, shownTime, uri].join("\n").toLowerCase(),
  };
}

/** Ids are int64 as text; of two without leading zeros the longer is the larger. */
function compareIds(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : Number(a > b);
}
