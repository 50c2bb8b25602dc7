import { QueryClient } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";

import { App } from "../App";

/** The whole application, at a hash address, without waiting between tries. */
export function openApp(hash = "") {
  window.location.hash = hash;
  const queryClient = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return { user: userEvent.setup({ pointerEventsCheck: 0 }), ...render(<App queryClient={queryClient} />) };
}

export async function shownNames(): Promise<string[]> {
  const table = await screen.findByRole("table", { name: "Artifacts" });
  return [...table.querySelectorAll('a[href^="#/artifact_types/"]')].map((link) => link.textContent);
}
