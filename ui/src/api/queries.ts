/** What the pages ask of REST, as TanStack queries. */

import { QueryClient, useQuery } from "@tanstack/react-query";

import { encodeSegments } from "../model/links";
import { ApiError, getJson } from "./client";
import { readArtifactAnswer, readArtifacts, readEvents, readExecutions, readTypes } from "./wire";

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        // The list can be megabytes: it is fetched again when somebody asks, not when a window gets the focus.
        refetchOnWindowFocus: false,
        retry: (failures, error) => failures < 1 && error instanceof ApiError && error.transient,
        retryDelay: 500,
      },
    },
  });
}

export function useArtifacts() {
  return useQuery({
    queryKey: ["artifacts"],
    queryFn: async ({ signal }) => {
      const [artifacts, types] = await Promise.all([getJson("artifacts", signal), getJson("artifact_types", signal)]);
      return readArtifacts(artifacts, readTypes(types, "artifact_types"));
    },
  });
}

export function useArtifact(type: string, id: string) {
  return useQuery({
    queryKey: ["artifact", type, id],
    queryFn: async ({ signal }) => {
      const [found, types] = await Promise.all([
        getJson(`artifact_types/${encodeSegments(type)}/artifacts/${id}`, signal),
        getJson("artifact_types", signal),
      ]);
      const artifact = readArtifactAnswer(found, readTypes(types, "artifact_types"));
      if (!artifact) throw new ApiError(404, `There is no artifact with id ${id}.`);
      return artifact;
    },
  });
}

export function useArtifactEvents(id: string) {
  return useQuery({
    queryKey: ["events", id],
    queryFn: async ({ signal }) => {
      const [events, types] = await Promise.all([
        getJson(`events/artifacts/${id}`, signal),
        getJson("execution_types", signal),
      ]);
      return {
        events: readEvents(events),
        executions: readExecutions(events, readTypes(types, "execution_types")),
      };
    },
  });
}
