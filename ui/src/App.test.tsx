import { screen, waitFor } from "@testing-library/react";
import axe from "axe-core";
import { expect, test } from "vitest";

import { openApp, shownNames } from "./test/open";
import { DATA_SET, METRICS, MODEL, serve, store } from "./test/rest";

async function violations(): Promise<string[]> {
  // jsdom paints nothing, so contrast cannot be judged here.
  const found = await axe.run(document.body, { rules: { "color-contrast": { enabled: false } } });
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(", ")}`);
}

test("the list is accessible", async () => {
  serve(store(DATA_SET, MODEL, METRICS));
  openApp();
  await shownNames();
  expect(await violations()).toEqual([]);
});

test("an artifact's page is accessible", async () => {
  serve(store(MODEL));
  openApp("#/artifact_types/kubeflow.org/alpha/model/artifacts/2");
  await screen.findByRole("region", { name: "All metadata" });
  expect(await violations()).toEqual([]);
});

test("a chosen theme is remembered", async () => {
  serve(store());
  const { user, unmount } = openApp();
  await user.click(screen.getByRole("button", { name: "Colour theme" }));
  await user.click(await screen.findByRole("menuitem", { name: "Dark" }));
  await waitFor(() => {
    expect(document.documentElement).toHaveAttribute("data-dark");
  });
  unmount();
  openApp();
  expect(document.documentElement).toHaveAttribute("data-dark");
});
