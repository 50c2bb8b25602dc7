/** Addresses of the pages: upstream's, so that old bookmarks still lead somewhere. */

export const ARTIFACTS = "/artifacts";

const ARTIFACT = /^\/artifact_types\/(.+)\/artifacts\/(\d+)\/?$/;

export function artifactPath(type: string, id: string): string {
  return `/artifact_types/${encodeSegments(type)}/artifacts/${id}`;
}

/** Read from the raw path: a router's own parameters would be decoded twice. */
export function parseArtifactPath(path: string): { type: string; id: string } | undefined {
  const [, type, id] = ARTIFACT.exec(path) ?? [];
  if (type === undefined || id === undefined) return undefined;
  try {
    return { type: decodeURIComponent(type), id };
  } catch {
    return undefined;
  }
}

/** Slashes stay slashes: REST takes both, and some gateways refuse %2F. */
export function encodeSegments(name: string): string {
  return name.split("/").map(encodeURIComponent).join("/");
}
