/** The address a browser may open for a URI, or undefined: what people log is never trusted to be a link. */
export function webLink(uri: string): string | undefined {
  try {
    const url = new URL(uri);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}
