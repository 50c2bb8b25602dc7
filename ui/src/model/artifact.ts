/** Artifacts as the pages show them; int64 values stay text, because a JavaScript number cannot hold them. */

export interface Property {
  name: string;
  kind: "int" | "double" | "string" | "bool" | "struct" | "proto" | "other";
  text: string;
}

/** What artifacts and executions have in common. */
export interface LineageNode {
  id: string;
  type: string;
  name: string;
  properties: Property[];
  customProperties: Property[];
}

export interface Artifact extends LineageNode {
  uri: string;
  /** Empty where the store knows none. */
  state: string;
  externalId: string;
  version: string;
  workspace: string;
  run: string;
  description: string;
  /** As logged, where nothing promises that it is a time, else when the store first had it. */
  createTime: string;
  /** ISO 8601: when the store last changed it; "" if it does not say. */
  updateTime: string;
  /** The whole object the SDK logged, as JSON. */
  allMeta: string;
}

export interface Execution extends LineageNode {
  state: string;
}

export interface ArtifactEvent {
  type: string;
  executionId: string;
  /** ISO 8601, or "" if the event carries no time. */
  time: string;
}

export const ALL_META = "__ALL_META__";
export const WORKSPACE = "__kf_workspace__";
export const RUN = "__kf_run__";

export function textOf(properties: Property[], name: string): string {
  return properties.find((property) => property.name === name)?.text ?? "";
}

export function title(artifact: Artifact): string {
  return artifact.version ? `${artifact.name} ${artifact.version}` : artifact.name;
}
