import { expect, test } from "vitest";

import { isoFromMilliseconds, parseTime } from "./time";

test("a time without a zone is UTC, as the SDKs log it", () => {
  expect(parseTime("2019-07-01T10:00:00.123456")).toBe(Date.UTC(2019, 6, 1, 10, 0, 0, 123));
  expect(parseTime("2019-07-01T10:00:00Z")).toBe(Date.UTC(2019, 6, 1, 10));
  expect(parseTime("2019-07-01T10:00:00+02:00")).toBe(Date.UTC(2019, 6, 1, 8));
});

test.each(["", "yesterday", "{}"])("%j is no time", (text) => {
  expect(parseTime(text)).toBeUndefined();
});

test("an event's milliseconds become an ISO time, and nonsense becomes nothing", () => {
  expect(isoFromMilliseconds("1562000000000")).toBe("2019-07-01T16:53:20.000Z");
  expect(isoFromMilliseconds("")).toBe("");
  expect(isoFromMilliseconds("9223372036854775807")).toBe("");
});
