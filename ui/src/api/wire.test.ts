import { expect, test } from "vitest";

import { readArtifacts, readEvents, readExecutions, readTypes } from "./wire";

const TYPES = readTypes({ artifact_types: [{ id: "6", name: "kubeflow.org/alpha/model" }] }, "artifact_types");

test("int64 values stay exact text", () => {
  const [artifact] = readArtifacts(
    {
      artifacts: [
        { id: "9223372036854775807", type_id: "6", properties: { rows: { int_value: "-9223372036854775808" } } },
      ],
    },
    TYPES,
  );
  expect(artifact?.id).toBe("9223372036854775807");
  expect(artifact?.properties).toEqual([{ name: "rows", kind: "int", text: "-9223372036854775808" }]);
});

test("an artifact without properties is named after its id", () => {
  const [artifact] = readArtifacts({ artifacts: [{ id: "4", type_id: "6" }] }, TYPES);
  expect(artifact).toMatchObject({ name: "Artifact 4", type: "kubeflow.org/alpha/model", uri: "", version: "" });
});

test("a type that is not listed is named after its id", () => {
  const [artifact] = readArtifacts({ artifacts: [{ id: "4", type_id: "77" }] }, TYPES);
  expect(artifact?.type).toBe("type 77");
});

test("doubles, special numbers and values of a later kind are shown", () => {
  const properties = {
    tiny: { double_value: 1e-7 },
    nan: { double_value: "NaN" },
    zero: { int_value: "0" },
    yes: { bool_value: true },
    no: { bool_value: false },
    shape: { struct_value: { sides: [1, 2], open: false } },
    nothing: { struct_value: {} },
    owner: { proto_value: { type_url: "a/b.C", value: "AP8=" } },
    later: { date_value: "2027" },
  };
  const [artifact] = readArtifacts({ artifacts: [{ id: "1", properties }] }, TYPES);
  expect(artifact?.properties.map(({ kind, text }) => [kind, text])).toEqual([
    ["double", "1e-7"],
    ["double", "NaN"],
    ["int", "0"],
    ["bool", "true"],
    ["bool", "false"],
    ["struct", '{"sides":[1,2],"open":false}'],
    ["struct", "{}"],
    ["proto", '{"type_url":"a/b.C","value":"AP8="}'],
    ["other", '{"date_value":"2027"}'],
  ]);
});

test("an artifact of a client without properties has the name and the times that the store knows", () => {
  const [artifact] = readArtifacts(
    {
      artifacts: [
        {
          id: "139",
          type_id: "77",
          type: "system.Model",
          name: "kfp-model",
          state: "LIVE",
          external_id: "gs://x",
          create_time_since_epoch: "1562000000000",
          last_update_time_since_epoch: "1562000001000",
        },
      ],
    },
    TYPES,
  );
  expect(artifact).toMatchObject({
    name: "kfp-model",
    type: "system.Model",
    state: "LIVE",
    externalId: "gs://x",
    createTime: "2019-07-01T16:53:20.000Z",
    updateTime: "2019-07-01T16:53:21.000Z",
  });
});

test("what was logged as name and time comes before what the store knows", () => {
  const custom_properties = { display_name: { string_value: "shown" }, create_time: { string_value: "2020-01-01" } };
  const body = { id: "1", name: "found-by", create_time_since_epoch: "1562000000000", custom_properties };
  expect(readArtifacts({ artifacts: [body] }, TYPES)[0]).toMatchObject({ name: "shown", createTime: "2020-01-01" });
});

test.each([undefined, null, [], "text", 5, { artifacts: "no list" }, { artifacts: [null, 3, { properties: null }] }])(
  "an odd body %j is read without an error",
  (body) => {
    expect(Array.isArray(readArtifacts(body, TYPES))).toBe(true);
  },
);

test("events name their executions", () => {
  const body = {
    events: [{ artifact_id: "2", execution_id: "1", type: "OUTPUT", milliseconds_since_epoch: "1562000000000" }],
    executions: { "1": { id: "1", type_id: "1", last_known_state: "COMPLETE" } },
  };
  expect(readEvents(body)).toEqual([{ type: "OUTPUT", executionId: "1", time: "2019-07-01T16:53:20.000Z" }]);
  expect(readExecutions(body, new Map()).get("1")).toMatchObject({ name: "Execution 1", state: "COMPLETE" });
});
