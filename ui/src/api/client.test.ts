import { expect, test } from "vitest";

import { serve } from "../test/rest";
import { ApiError, apiUrl, getJson } from "./client";

test.each([
  ["http://h/", "http://h/api/v1alpha1/artifacts"],
  ["http://h/metadata/#/artifacts?q=x", "http://h/metadata/api/v1alpha1/artifacts"],
  ["http://h/deep/prefix/metadata/index.html#/x", "http://h/deep/prefix/metadata/api/v1alpha1/artifacts"],
])("on page %s the API is beside it", (page, url) => {
  expect(apiUrl("artifacts", page)).toBe(url);
});

test("an error carries REST's status and words", async () => {
  serve({ artifacts: { status: 501, body: { error: "e", message: "not implemented", code: 12 } } });
  const failure = getJson("artifacts", new AbortController().signal);
  await expect(failure).rejects.toEqual(new ApiError(501, "not implemented"));
  await expect(failure).rejects.toMatchObject({ status: 501, transient: false });
});

test("a sign-in page in place of JSON is an error", async () => {
  serve({ artifacts: { body: "<!doctype html><title>Sign in</title>" } });
  await expect(getJson("artifacts", new AbortController().signal)).rejects.toThrow("not JSON");
});
