/** Calls of the REST backend, relative to where the page lives. */

export class ApiError extends Error {
  /** @param status the HTTP status, or 0 if no answer came */
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** Worth asking again at once. */
  get transient(): boolean {
    return this.status === 0 || (this.status >= 502 && this.status <= 504);
  }
}

export function apiUrl(path: string, page: string = window.location.href): string {
  return new URL(`api/v1alpha1/${path}`, page).href;
}

export async function getJson(path: string, signal: AbortSignal): Promise<unknown> {
  const response = await send(path, signal);
  const body = await response.text();
  const json = tryJson(body);
  if (!response.ok) throw new ApiError(response.status, messageOf(json) ?? response.statusText);
  // A sign-in page in place of an answer, for one.
  if (json === undefined) throw new ApiError(response.status, "The response is not JSON.");
  return json;
}

async function send(path: string, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(apiUrl(path), { signal, headers: { accept: "application/json" } });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError(0, "The server did not respond.");
  }
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function messageOf(json: unknown): string | undefined {
  if (typeof json !== "object" || json === null || !("message" in json)) return undefined;
  return typeof json.message === "string" && json.message !== "" ? json.message : undefined;
}
