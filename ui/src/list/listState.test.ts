import { expect, test } from "vitest";

import { readListState, writeListState } from "./listState";

test("without parameters the newest come first", () => {
  const state = readListState(new URLSearchParams());
  expect(state).toEqual({ filter: "", sort: "created", descending: true, page: 0, size: 25 });
  expect(writeListState(state).toString()).toBe("");
});

test("what is written reads back", () => {
  const state = { filter: "a & b", sort: "uri", descending: false, page: 3, size: 100 } as const;
  expect(readListState(writeListState(state))).toEqual(state);
});

test.each(["page=-1", "page=x", "size=1000000", "sort=nothing", "page=1.5"])("%s falls back to the default", (text) => {
  expect(readListState(new URLSearchParams(text))).toEqual(readListState(new URLSearchParams()));
});
