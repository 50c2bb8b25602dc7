import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // Relative, so that one build works at `/`, under `/metadata/` and behind any other prefix.
  base: "./",
  plugins: [react()],
  build: {
    outDir: "../src/kubeflow_metadata/ui/static",
    emptyOutDir: true,
    // The notices that the bundled libraries' licences ask for.
    license: { fileName: "licenses.md" },
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: { "/api": process.env.REST_URL ?? "http://127.0.0.1:8080" },
  },
  test: {
    environment: "jsdom",
    setupFiles: ["./src/test/setup.ts"],
    // A jsdom for each file takes longer than the tests; src/test/setup.ts leaves nothing behind.
    isolate: false,
    testTimeout: 60_000,
    restoreMocks: true,
    unstubGlobals: true,
  },
});
