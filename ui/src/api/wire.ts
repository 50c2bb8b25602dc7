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
  const fields = object(body);
  const node = readNode(fields, types, "Artifact");
  const { properties, customProperties } = node;
  const logged = textOf(properties, "create_time") || textOf(customProperties, "create_time");
  return {
    ...node,
    uri: scalar(fields.uri),
    state: scalar(fields.state),
    externalId: scalar(fields.external_id),
    version: textOf(properties, "version") || textOf(customProperties, "version"),
    workspace: textOf(customProperties, WORKSPACE),
    run: textOf(customProperties, RUN),
    description: textOf(properties, "description") || textOf(customProperties, "description"),
    createTime: logged || isoFromMilliseconds(scalar(fields.create_time_since_epoch)),
    updateTime: isoFromMilliseconds(scalar(fields.last_update_time_since_epoch)),
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
  // What people called it comes before the name by which a program finds it again.
  const logged = [properties, customProperties].flatMap((group) => [
    textOf(group, "name"),
    textOf(group, "display_name"),
  ]);
  const names = [...logged, scalar(body.name), scalar(body.external_id)];
  return {
    id,
    type: types.get(typeId) ?? (scalar(body.type) || `type ${typeId || "unknown"}`),
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
  if ("bool_value" in value) return { kind: "bool", text: scalar(value.bool_value) };
  if ("struct_value" in value) return { kind: "struct", text: JSON.stringify(value.struct_value) };
  if ("proto_value" in value) return { kind: "proto", text: JSON.stringify(value.proto_value) };
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
