import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeEach, vi } from "vitest";

configure({
  // Deciding what CSS hides takes most of a test's time, and nothing here is hidden that a test looks for.
  defaultHidden: true,
  asyncUtilTimeout: 10_000,
});

beforeEach(() => {
  window.location.hash = "";
  localStorage.clear();
  // jsdom has no layout: scrolling is all that is missing here.
  vi.spyOn(window, "scrollTo").mockReturnValue(undefined);
});

afterEach(cleanup);
