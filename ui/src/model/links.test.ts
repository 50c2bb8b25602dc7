import { expect, test } from "vitest";

import { artifactPath, parseArtifactPath } from "./links";

test("upstream's addresses lead to type and id", () => {
  expect(parseArtifactPath("/artifact_types/kubeflow.org/alpha/model/artifacts/2")).toEqual({
    type: "kubeflow.org/alpha/model",
    id: "2",
  });
  expect(parseArtifactPath("/artifact_types/kubeflow.org%2Falpha%2Fmodel/artifacts/2")).toEqual({
    type: "kubeflow.org/alpha/model",
    id: "2",
  });
});

test.each(["system.Model", "a:b", "with space", "50%", "a%2Fb", "x/artifacts/1", "ünï/☃"])(
  "the address of an artifact of type %s reads back",
  (type) => {
    const id = "9223372036854775807";
    expect(parseArtifactPath(artifactPath(type, id))).toEqual({ type, id });
  },
);

test.each([
  "/artifact_types",
  "/artifact_types/t/artifacts",
  "/artifact_types/t/artifacts/x",
  "/artifact_types/%zz/artifacts/1",
])("%s is no artifact's address", (path) => {
  expect(parseArtifactPath(path)).toBeUndefined();
});
