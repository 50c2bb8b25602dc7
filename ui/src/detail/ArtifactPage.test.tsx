import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";

import { openApp, shownNames } from "../test/open";
import { DATA_SET, METRICS, MODEL, artifact, serve, store, strings } from "../test/rest";

const MODEL_PAGE = "#/artifact_types/kubeflow.org/alpha/model/artifacts/2";

async function section(name: string) {
  return within(await screen.findByRole("region", { name }));
}

test("a model shows its name, version, workspace and hyperparameters", async () => {
  serve(store(MODEL));
  openApp(MODEL_PAGE);
  expect(await screen.findByRole("heading", { level: 1 })).toHaveTextContent("MNISTv0.0.1");
  const overview = await section("Overview");
  for (const text of ["ws2", "gcs://my-bucket/mnist", "tensorflow v1.0", "mylabel: l1"])
    expect(overview.getByText(text)).toBeVisible();
  const hyperparameters = await section("Hyperparameters");
  expect(hyperparameters.getByText("learning_rate").nextElementSibling).toHaveTextContent("0.5");
  expect(hyperparameters.getByText("layers").nextElementSibling).toHaveTextContent("[10, 3, 1]");
  expect(document.title).toBe("MNIST v0.0.1 · Artifact Store");
});

test("metric values keep every digit, NaN too", async () => {
  serve(store(METRICS));
  openApp("#/artifact_types/kubeflow.org/alpha/metrics/artifacts/3");
  const values = await section("Metric values");
  expect(values.getByText("accuracy").nextElementSibling).toHaveTextContent("0.95");
  expect(values.getByText("loss").nextElementSibling).toHaveTextContent("NaN");
  expect(values.getByText("steps").nextElementSibling).toHaveTextContent("12345678901234567890");
});

test("a web address opens in a new tab, any other URI is copied", async () => {
  serve(store(METRICS, MODEL));
  const { user, unmount } = openApp("#/artifact_types/kubeflow.org/alpha/metrics/artifacts/3");
  const link = await screen.findByRole("link", { name: /https:\/\/example.org\/eval.csv/ });
  expect(link).toHaveAttribute("target", "_blank");
  expect(link.getAttribute("rel")).toContain("noopener");
  unmount();

  openApp(MODEL_PAGE);
  const overview = await section("Overview");
  expect(overview.queryByRole("link")).toBeNull();
  await user.click(overview.getByRole("button", { name: "Copy URI" }));
  expect(await navigator.clipboard.readText()).toBe("gcs://my-bucket/mnist");
});

test("all properties are listed with their kinds", async () => {
  const properties = {
    ...strings({ name: "m", config: '{"depth": 3}' }),
    rows: { int_value: "9223372036854775807" },
    rate: { double_value: 1e-7 },
  };
  serve(store(artifact("2", "6", { properties, custom_properties: strings({ team: "vision" }) })));
  openApp(MODEL_PAGE);
  const listed = await section("Properties");
  expect(listed.getByRole("row", { name: "rows 9223372036854775807 int" })).toBeVisible();
  expect(listed.getByRole("row", { name: "rate 1e-7 double" })).toBeVisible();
  expect(listed.getByText("depth").nextElementSibling).toHaveTextContent("3");
  expect((await section("Custom properties")).getByRole("row", { name: "team vision string" })).toBeVisible();
});

test("values of every kind are shown, false and empty ones too", async () => {
  const custom_properties = {
    yes: { bool_value: true },
    no: { bool_value: false },
    blank: { string_value: "" },
    zero: { int_value: "0" },
    layers: { struct_value: { list: [10, 3, 1], open: false, none: null } },
    nothing: { struct_value: {} },
    owner: { proto_value: { type_url: "a/b.C", value: "AP8=" } },
  };
  serve(store(artifact("2", "6", { name: "kfp-model", custom_properties })));
  openApp(MODEL_PAGE);
  const listed = await section("Custom properties");
  expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("kfp-model");
  expect(listed.getByRole("row", { name: "yes true bool" })).toBeVisible();
  expect(listed.getByRole("row", { name: "no false bool" })).toBeVisible();
  expect(listed.getByRole("row", { name: "zero 0 int" })).toBeVisible();
  expect(listed.getByRole("row", { name: "nothing empty struct" })).toBeVisible();
  expect(listed.getByText("list").nextElementSibling).toHaveTextContent("[10, 3, 1]");
  expect(listed.getByText("open").nextElementSibling).toHaveTextContent("false");
  expect(listed.getByText("none").nextElementSibling).toHaveTextContent("null");
  expect(listed.getByText("type_url").nextElementSibling).toHaveTextContent("a/b.C");
});

test("what the store knows of an artifact is in its overview", async () => {
  const known = {
    state: "LIVE",
    external_id: "urn:x:1",
    create_time_since_epoch: "1562000000000",
    last_update_time_since_epoch: "1562000001000",
  };
  serve(store(artifact("2", "6", known)));
  openApp(MODEL_PAGE);
  const overview = await section("Overview");
  expect(overview.getByText("LIVE")).toBeVisible();
  expect(overview.getByText("urn:x:1")).toBeVisible();
  expect(overview.getByTitle("2019-07-01T16:53:20.000Z")).toBeVisible();
  expect(overview.getByTitle("2019-07-01T16:53:21.000Z")).toBeVisible();
});

test("the execution that made an artifact is named", async () => {
  const events = {
    events: [{ artifact_id: "2", execution_id: "1", type: "OUTPUT", milliseconds_since_epoch: "1562000000000" }],
    executions: { "1": { id: "1", type_id: "1", properties: strings({ name: "training" }) } },
  };
  serve({ ...store(MODEL), "events/artifacts/2": { body: events } });
  openApp(MODEL_PAGE);
  const executions = await section("Executions");
  expect(await executions.findByText("Output of")).toBeVisible();
  expect(executions.getByText("training")).toBeVisible();
});

test("what was logged but is no JSON is shown as it is", async () => {
  const properties = strings({ name: "m", __ALL_META__: "{not json" });
  serve(store(artifact("2", "6", { properties })));
  openApp(MODEL_PAGE);
  expect((await section("All metadata")).getByText("{not json")).toBeVisible();
});

test("a very long text is cut, and can be opened", async () => {
  const properties = strings({ name: "m", query: "q".repeat(50_000) });
  serve(store(artifact("2", "6", { properties })));
  const { user } = openApp(MODEL_PAGE);
  const listed = await section("Properties");
  const row = listed.getByRole("row", { name: /query/ });
  expect(row.textContent.length).toBeLessThan(2_000);
  await user.click(within(row).getByRole("button", { name: "Show all" }));
  expect(row.textContent.length).toBeGreaterThan(50_000);
});

test("a missing artifact and an unknown address lead to a page that leads back", async () => {
  serve(store(DATA_SET));
  const { user, unmount } = openApp("#/artifact_types/kubeflow.org/alpha/model/artifacts/99");
  expect(await screen.findByText("There is no artifact with id 99.")).toBeVisible();
  unmount();

  openApp("#/no/such/page");
  await user.click(await screen.findByRole("link", { name: "All artifacts" }));
  expect(await shownNames()).toEqual(["mytable-dump"]);
});

test("Back leads to the list as it was filtered", async () => {
  serve(store(DATA_SET, MODEL));
  const { user } = openApp("#/artifacts?q=mnist");
  await user.click(await screen.findByRole("link", { name: "MNIST" }));
  await user.click(await screen.findByRole("button", { name: "Back" }));
  expect(await shownNames()).toEqual(["MNIST"]);
});
