import { defineConfig } from "vitest/config";

/** Two projects: `unit` needs nothing but Node; `e2e` starts the built server as its own process. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "src/**/*.test.ts",
            "test/tidy/**/*.test.ts",
            "test/conformance/**/*.test.ts",
            "test/sim/**/*.test.ts",
            "test/fuzz/**/*.test.ts",
            "bench/**/*.test.ts",
            "clients/typescript/src/**/*.test.ts",
          ],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: [
            "test/e2e/**/*.test.ts",
            "test/protocol/**/*.test.ts",
            "test/security/**/*.test.ts",
            "test/chaos/**/*.test.ts",
            "clients/typescript/test/**/*.test.ts",
          ],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
