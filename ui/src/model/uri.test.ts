import { expect, test } from "vitest";

import { webLink } from "./uri";

test.each(["http://example.org/a", "https://example.org/b?c#d", "HTTPS://EXAMPLE.org/x"])("%s is a link", (uri) => {
  expect(webLink(uri)).toMatch(/^https?:/);
});

test.each([
  "javascript:alert(1)",
  " \tjavascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "gs://bucket/a",
  "s3://bucket/a",
  "file:///etc/passwd",
  "/relative",
  "not a uri",
  "",
])("%s is no link", (uri) => {
  expect(webLink(uri)).toBeUndefined();
});
