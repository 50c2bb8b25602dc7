import { isLosslessNumber, parse, stringify } from "lossless-json";

/** Parsed JSON whose numbers keep every digit they were written with. */
export type Json = unknown;

/** The JSON value a text holds, or undefined if it holds none. */
export function parseJson(text: string): Json {
  return tryParse(text) ?? tryParse(quoteNonFinite(text));
}

/** The object or array a text holds, or undefined: a plain `5` or `"x"` gains nothing from being parsed. */
export function parseDocument(text: string): object | undefined {
  if (!/^\s*[{[]/.test(text)) return undefined;
  const value = parseJson(text);
  return isContainer(value) ? value : undefined;
}

export function prettyJson(value: Json): string {
  return stringify(value, undefined, 2) ?? "";
}

export function isContainer(value: Json): value is object {
  return typeof value === "object" && value !== null && !isLosslessNumber(value);
}

export function isJsonObject(value: Json): value is Record<string, Json> {
  return isContainer(value) && !Array.isArray(value);
}

/** A value that is neither object nor array, as people read it. */
export function scalarText(value: Json): string {
  if (typeof value === "string") return value;
  if (isLosslessNumber(value)) return value.toString();
  return String(value);
}

function tryParse(text: string): Json {
  try {
    return parse(text, undefined, { onDuplicateKey: ({ newValue }) => newValue });
  } catch {
    return undefined;
  }
}

/** Python's json module writes NaN and Infinity bare, which JSON does not know. */
function quoteNonFinite(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (token) =>
    token.startsWith('"') ? token : `"${token}"`,
  );
}
