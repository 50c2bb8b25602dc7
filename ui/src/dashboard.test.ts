import { expect, test, vi } from "vitest";

import { announceToDashboard } from "./dashboard";

test("inside a frame the dashboard is told that the page is there", () => {
  const postMessage = vi.fn();
  const page = { parent: { postMessage }, location: { origin: "https://kubeflow.example" } };
  announceToDashboard(page as unknown as Window);
  expect(postMessage).toHaveBeenCalledExactlyOnceWith({ type: "iframe-connected" }, "https://kubeflow.example");
});

test("outside of a frame nothing is sent", () => {
  const send = vi.spyOn(window, "postMessage");
  announceToDashboard();
  expect(send).not.toHaveBeenCalled();
});
