const NO_ZONE = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?$/;

/** Milliseconds since the epoch, or undefined. The SDKs log UTC, so a time without a zone is taken as UTC. */
export function parseTime(text: string): number | undefined {
  const milliseconds = Date.parse(NO_ZONE.test(text) ? `${text.replace(" ", "T")}Z` : text);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function localTime(milliseconds: number): string {
  return LOCAL.format(milliseconds);
}

/** The ISO form of the milliseconds since the epoch that an int64 field carries, or "" if it names no time. */
export function isoFromMilliseconds(text: string): string {
  const date = new Date(text === "" ? Number.NaN : Number(text));
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}
