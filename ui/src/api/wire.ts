/** Reads REST bodies. Tolerant by intent: one odd record must not hide the others. */

import {
  ALL_META,
  RUN,
  WORKSPACE,
  textOf,
  type Artifact,
  type ArtifactEvent,
  type Execution,
  type LineageNode,
  type Property,
} from "../model/artifact";
import { isoFromMilliseconds } from "../model/time";

/** Type names by type id. */
export type TypeNames = ReadonlyMap<string, string>;

type Body = Record<string, unknown>;

export function readTypes(body: unknown, field: "artifact_types" | "execution_types"): TypeNames {
  return new Map(list(object(body)[field]).map((type) => [scalar(type.id), scalar(type.name)]));
}

export function readArtifacts(body: unknown, types: TypeNames): Artifact[] {
  return list(object(body).artifacts).map((artifact) => readArtifact(artifact, types));
}

/** The artifact of a get's answer, or undefined if the answer carries none. */
export function readArtifactAnswer(body: unknown, types: TypeNames): Artifact | undefined {
  const { artifact } = object(body);
  return artifact === undefined ? undefined : readArtifact(artifact, types);
}

function readArtifact(body: unknown, types: TypeNames): Artifact {
  const node = readNode(object(body), types, "Artifact");
  const { properties, customProperties } = node;
  return {
    ...node,
    uri: scalar(object(body).uri),
    version: textOf(properties, "version") || textOf(customProperties, "version"),
    workspace: textOf(customProperties, WORKSPACE),
    run: textOf(customProperties, RUN),
    description: textOf(properties, "description") || textOf(customProperties, "description"),
    createTime: textOf(properties, "create_time") || textOf(customProperties, "create_time"),
    allMeta: textOf(properties, ALL_META),
  };
}

export function readEvents(body: unknown): ArtifactEvent[] {
  return list(object(body).events).map((event) => ({
    type: scalar(event.type) || "UNKNOWN",
    executionId: scalar(event.execution_id),
    time: isoFromMilliseconds(scalar(event.milliseconds_since_epoch)),
  }));
}

export function readExecutions(body: unknown, types: TypeNames): Map<string, Execution> {
  return new Map(
    Object.entries(object(object(body).executions)).map(([id, execution]) => [
      id,
      {
        ...readNode(object(execution), types, "Execution"),
        state: scalar(object(execution).last_known_state),
      },
    ]),
  );
}

function readNode(body: Body, types: TypeNames, kind: string): LineageNode {
  const id = scalar(body.id);
  const typeId = scalar(body.type_id);
  const properties = readProperties(body.properties);
  const customProperties = readProperties(body.custom_properties);
  const names = [properties, customProperties].flatMap((group) => [
    textOf(group, "name"),
    textOf(group, "display_name"),
  ]);
  return {
    id,
    type: types.get(typeId) ?? `type ${typeId || "unknown"}`,
    name: names.find((name) => name.trim() !== "") ?? `${kind} ${id}`,
    properties,
    customProperties,
  };
}

function readProperties(body: unknown): Property[] {
  return Object.entries(object(body)).map(([name, value]) => ({ name, ...readValue(object(value)) }));
}

function readValue(value: Body): Omit<Property, "name"> {
  if ("string_value" in value) return { kind: "string", text: scalar(value.string_value) };
  if ("int_value" in value) return { kind: "int", text: scalar(value.int_value) };
  if ("double_value" in value) return { kind: "double", text: scalar(value.double_value) };
  return { kind: "other", text: JSON.stringify(value) };
}

function object(value: unknown): Body {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Body) : {};
}

function list(value: unknown): Body[] {
  return Array.isArray(value) ? value.map(object) : [];
}

function scalar(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}
