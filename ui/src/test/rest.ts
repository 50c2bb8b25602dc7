/** A REST backend for tests: bodies as the real one writes them. */

import { vi } from "vitest";

export interface Reply {
  status?: number;
  body: unknown;
}

export type Replies = Record<string, Reply>;

const TYPES = {
  "3": "kubeflow.org/alpha/data_set",
  "5": "kubeflow.org/alpha/metrics",
  "6": "kubeflow.org/alpha/model",
};

export function artifact(id: string, typeId: string, given: Record<string, unknown> = {}) {
  return { id, type_id: typeId, ...given };
}

export function strings(values: Record<string, string>) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { string_value: value }]));
}

export const DATA_SET = artifact("1", "3", {
  uri: "file://path/to/dataset",
  properties: strings({ name: "mytable-dump", version: "v1.0.0", create_time: "2026-11-22T20:45:44.058423Z" }),
  custom_properties: strings({ __kf_workspace__: "ws1", __kf_run__: "run-1" }),
});

export const MODEL = artifact("2", "6", {
  uri: "gcs://my-bucket/mnist",
  properties: strings({
    name: "MNIST",
    version: "v0.0.1",
    create_time: "2026-11-22T20:45:44.145074Z",
    description: "model to recognize handwritten digits",
    __ALL_META__: JSON.stringify({
      name: "MNIST",
      training_framework: { name: "tensorflow", version: "v1.0" },
      hyperparameters: { learning_rate: 0.5, layers: [10, 3, 1], early_stop: true },
      labels: { mylabel: "l1" },
    }),
  }),
  custom_properties: strings({ __kf_workspace__: "ws2" }),
});

export const METRICS = artifact("3", "5", {
  uri: "https://example.org/eval.csv",
  properties: strings({
    name: "MNIST-evaluation",
    create_time: "2026-11-22T20:45:44.233093Z",
    __ALL_META__: '{"values": {"accuracy": 0.95, "loss": NaN, "steps": 12345678901234567890}}',
  }),
});

export function store(...artifacts: { id: string }[]): Replies {
  const types = Object.entries(TYPES).map(([id, name]) => ({ id, name }));
  const byId = artifacts.map((found) => [`artifacts/${found.id}`, { body: { artifact: found } }] as const);
  return {
    artifacts: { body: artifacts.length > 0 ? { artifacts } : {} },
    artifact_types: { body: { artifact_types: types } },
    execution_types: { body: { execution_types: [{ id: "1", name: "kubeflow.org/alpha/execution" }] } },
    ...Object.fromEntries(byId),
  };
}

/** Answers by the longest end of the path that is known, else 404, as REST does. */
export function serve(replies: Replies) {
  const answer = (input: RequestInfo | URL) => {
    const path = new URL(input instanceof Request ? input.url : input).pathname.split("/api/v1alpha1/")[1] ?? "";
    const known = Object.keys(replies)
      .filter((end) => path === end || (end.includes("/") && path.endsWith(`/${end}`)))
      .sort((a, b) => b.length - a.length)[0];
    const reply = known === undefined ? missing(path) : replies[known];
    return Promise.resolve(new Response(bodyText(reply?.body), { status: reply?.status ?? 200 }));
  };
  const mock = vi.fn(answer);
  vi.stubGlobal("fetch", mock);
  return mock;
}

function missing(path: string): Reply {
  if (path.startsWith("events/")) return { body: {} };
  const message = `No artifact with the given id ${path.split("/").at(-1) ?? ""}`;
  return { status: 404, body: { error: message, message, code: 5 } };
}

function bodyText(body: unknown): string {
  return typeof body === "string" ? body : JSON.stringify(body);
}
