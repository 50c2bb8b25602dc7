import { expect, test } from "vitest";

import { isJsonObject, parseDocument, prettyJson, scalarText } from "./json";

test("numbers keep every digit", () => {
  const text = '{\n  "big": 12345678901234567890,\n  "tiny": 1e-7,\n  "plain": 0.10\n}';
  expect(prettyJson(parseDocument(text))).toBe(text);
});

test("Python's bare NaN and Infinity are understood, and words inside strings stay", () => {
  const document = parseDocument('{"loss": NaN, "low": -Infinity, "note": "NaN \\" Infinity"}');
  expect(isJsonObject(document) && Object.values(document).map(scalarText)).toEqual([
    "NaN",
    "-Infinity",
    'NaN " Infinity',
  ]);
});

test.each(["", "plain", "5", '"text"', "{not json", "null", "[".repeat(100_000)])("%.20s holds no document", (text) => {
  expect(parseDocument(text)).toBeUndefined();
});

test("a key given twice has its last value", () => {
  expect(parseDocument('{"a": "x", "a": "y"}')).toEqual({ a: "y" });
});
