import { screen, waitFor } from "@testing-library/react";
import { expect, test } from "vitest";

import { openApp, shownNames } from "../test/open";
import { DATA_SET, METRICS, MODEL, artifact, serve, store, strings } from "../test/rest";

test("the newest artifact comes first, with its type's name and a link to its page", async () => {
  serve(store(DATA_SET, MODEL, METRICS));
  openApp();
  expect(await shownNames()).toEqual(["MNIST-evaluation", "MNIST", "mytable-dump"]);
  expect(screen.getByRole("link", { name: "MNIST" })).toHaveAttribute(
    "href",
    "#/artifact_types/kubeflow.org/alpha/model/artifacts/2",
  );
  expect(screen.getByRole("row", { name: /mytable-dump/ })).toHaveTextContent("kubeflow.org/alpha/data_set");
  expect(document.title).toBe("Artifacts · Artifact Store");
});

test("a click on a column's name sorts by it, a second click inverts", async () => {
  serve(store(DATA_SET, MODEL, METRICS));
  const { user } = openApp();
  await shownNames();
  await user.click(screen.getByRole("button", { name: "Name" }));
  expect(await shownNames()).toEqual(["MNIST", "MNIST-evaluation", "mytable-dump"]);
  await user.click(screen.getByRole("button", { name: "Name" }));
  expect(await shownNames()).toEqual(["mytable-dump", "MNIST-evaluation", "MNIST"]);
  expect(screen.getByRole("columnheader", { name: "Name" })).toHaveAttribute("aria-sort", "descending");
});

test("versions sort as people count, and those without one come last", async () => {
  const versions = ["v1.10", "v1.9", "", "v1.2"];
  const artifacts = versions.map((version, index) =>
    artifact(String(index + 1), "6", { properties: strings({ name: `m${version}`, version }) }),
  );
  serve(store(...artifacts));
  openApp("#/artifacts?sort=version");
  expect(await shownNames()).toEqual(["mv1.2", "mv1.9", "mv1.10", "m"]);
});

test("the filter looks into every cell, whatever the case", async () => {
  serve(store(DATA_SET, MODEL, METRICS));
  const { user } = openApp();
  await shownNames();
  const box = screen.getByRole("textbox", { name: "Filter artifacts" });
  await user.type(box, "MY-BUCKET");
  await waitFor(async () => {
    expect(await shownNames()).toEqual(["MNIST"]);
  });
  await user.clear(box);
  await user.type(box, "ws1");
  await waitFor(async () => {
    expect(await shownNames()).toEqual(["mytable-dump"]);
  });
});

test("a filter that nothing matches says so and can be cleared", async () => {
  serve(store(DATA_SET, MODEL));
  const { user } = openApp("#/artifacts?q=nowhere");
  expect(await screen.findByRole("heading", { name: "No matches" })).toBeVisible();
  await user.click(screen.getByText("Clear filter"));
  expect(await shownNames()).toHaveLength(2);
});

test("ten thousand artifacts come a page at a time", async () => {
  const many = Array.from({ length: 10_000 }, (_, index) =>
    artifact(String(index + 1), "6", { properties: strings({ name: `model-${index + 1}` }) }),
  );
  serve(store(...many));
  const { user } = openApp();
  expect((await shownNames()).slice(0, 2)).toEqual(["model-10000", "model-9999"]);
  expect(await shownNames()).toHaveLength(25);
  expect(screen.getByText("1–25 of 10,000")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Go to last page" }));
  expect((await shownNames()).at(-1)).toBe("model-1");
});

test("odd records are listed beside the others", async () => {
  serve(
    store(
      artifact("9223372036854775807", "77"),
      artifact("8", "6", { uri: "javascript:alert(1)", properties: strings({ name: "<b>bold</b>" }) }),
      artifact("7", "6", { properties: strings({ name: "x".repeat(1_000_000), create_time: "yesterday" }) }),
    ),
  );
  openApp();
  const names = await shownNames();
  expect(names.slice(0, 2)).toEqual(["Artifact 9223372036854775807", "<b>bold</b>"]);
  expect(names[2]?.length).toBeLessThan(1_000);
  expect(screen.getByText("javascript:alert(1)").closest("a")).toBeNull();
});

test("an empty store tells how to log the first artifact", async () => {
  serve(store());
  openApp();
  expect(await screen.findByRole("heading", { name: "No artifacts yet" })).toBeVisible();
  expect(screen.getByLabelText("example")).toHaveTextContent("from kfmd import metadata");
  expect(screen.getByText("metadata-service.NAMESPACE:8080")).toBeVisible();
});

test("when REST is down the page says what to check, and Retry brings the list", async () => {
  const down = "The REST backend at http://localhost:8080 cannot be reached.";
  serve({ artifacts: { status: 502, body: { error: down, message: down, code: 14 } } });
  const { user } = openApp();
  expect(await screen.findByRole("alert")).toHaveTextContent(down);
  expect(screen.getByRole("alert")).toHaveTextContent("kubeflow-metadata status --local");
  expect(screen.getByRole("alert")).toHaveTextContent("kubectl -n NAMESPACE get pods");

  serve(store(MODEL));
  await user.click(screen.getByRole("button", { name: "Retry" }));
  expect(await shownNames()).toEqual(["MNIST"]);
});

test("a refresh that fails keeps the list and says so", async () => {
  serve(store(MODEL));
  const { user } = openApp();
  await shownNames();
  serve({ artifacts: { status: 502, body: { message: "down" } } });
  await user.click(screen.getByRole("button", { name: "Refresh" }));
  expect(await screen.findByText(/Refresh failed/)).toBeVisible();
  expect(await shownNames()).toEqual(["MNIST"]);
});

test("while the list loads, a placeholder stands in", () => {
  serve(store(MODEL));
  openApp();
  expect(screen.getByRole("status", { name: "Loading artifacts" })).toBeVisible();
});
