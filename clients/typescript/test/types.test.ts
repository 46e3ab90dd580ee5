// Goal: with the declaration that `millrace types` writes, a wrong feature name does not compile.
// Method: the built command on the demo models, by path and by server, and the real compiler on
// programs that use the built package.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { builtMain, root, startBuilt } from "../../../test/support/built-server.ts";
import { clientFolder } from "./built-client.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-types-"));
const models = join(root, "models");

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(script: string, words: readonly string[]): Promise<Ended> {
  const env = { ...process.env, MILLRACE_CACHE_FOLDER: join(folder, "cache") };
  return new Promise((done) => {
    execFile(process.execPath, [script, ...words], { cwd: folder, env }, (error, stdout, stderr) =>
      done({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

/** Compiles `program` beside the declaration; the compiler's words, or "". */
async function compile(program: string): Promise<string> {
  writeFileSync(join(folder, "program.ts"), program);
  const ended = await run(join(root, "node_modules/typescript/bin/tsc"), ["-p", folder]);
  return ended.stdout;
}

beforeAll(() => {
  mkdirSync(join(folder, "node_modules/@millrace"), { recursive: true });
  symlinkSync(clientFolder, join(folder, "node_modules/@millrace/client"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    module: "nodenext",
    target: "es2022",
    lib: ["es2022", "dom"],
    types: [],
  };
  const files = ["program.ts", "models.d.ts"];
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const head = `import { createClient } from "@millrace/client";
const client = createClient({ url: "http://localhost:8000" });
`;

test("the command writes to a file and says so; a server tells the same as the path", async () => {
  const out = join(folder, "models.d.ts");
  const written = await run(builtMain, ["types", models, "--out", out]);
  expect(written).toMatchObject({ code: 0, stdout: "" });
  expect(written.stderr).toContain("churn 1.0.0");
  const byPath = await run(builtMain, ["types", models]);
  const server = await startBuilt([models], { env: { MILLRACE_LIMITS_DRAIN_DELAY_MS: "0" } });
  const byServer = await run(builtMain, ["types", `${server.url}/`]);
  const one = await run(builtMain, ["types", `${server.url}/models/churn`]);
  const unknown = await run(builtMain, ["types", `${server.url}/models/nobody`]);
  await server.stop();
  expect(byPath.stdout).toContain("interface MillraceModels");
  expect(byServer).toEqual(byPath);
  expect(one.stdout).toContain("churn: {");
  expect(one.stdout).not.toContain("sentiment");
  expect(unknown).toMatchObject({ code: 1, stdout: "" });
});

test("faults of the command are explained, and its help has examples", async () => {
  const nowhere = await run(builtMain, ["types", "http://127.0.0.1:9"]);
  expect(nowhere.code).toBe(1);
  expect(nowhere.stderr).toContain("http://127.0.0.1:9/models does not answer");
  expect((await run(builtMain, ["types", "nothing.onnx"])).code).toBe(1);
  expect((await run(builtMain, ["types", "--help"])).stdout).toContain("Examples:");
});

test("right programs compile, and their answers are typed", async () => {
  const program = `${head}
const one = await client.predict("churn", { age: 45, tenure: 12, monthly_charges: 79.5 });
const label: 0 | 1 = one.prediction;
const many = await client.predict("churn", [[45, 12, 79.5, 954], [67, 60, 34.25, 2055]]);
const labels: readonly (0 | 1)[] = many.predictions;
const text: "negative" | "positive" = (await client.predict("sentiment", "good")).prediction;
const texts = (await client.predict("sentiment", ["good", "bad"])).predictions;
const features = { shape: [1, 4], data: Float32Array.of(45, 12, 79.5, 954) };
const { outputs } = await client.infer("churn", { features });
const exact: BigInt64Array = outputs.label.data;
const scores: Float32Array = outputs.probabilities.data;
for await (const item of client.predictStream("churn", [[45, 12, 79.5, 954]])) {
  if (item.error === undefined) item.prediction satisfies 0 | 1;
}
const other = await client.predict("not declared", { anything: 1 });
export { exact, label, labels, other, scores, text, texts };
`;
  expect(await compile(program)).toBe("");
});

test.each([
  ["a wrong feature", 'predict("churn", { agee: 45, tenure: 12, monthly_charges: 79.5 })', "agee"],
  ["a missing feature", 'predict("churn", { age: 45, tenure: 12 })', "monthly_charges"],
  [
    "a feature of the wrong kind",
    'predict("churn", { age: "45", tenure: 1, monthly_charges: 1 })',
    "string",
  ],
  [
    "a wrong feature in several rows",
    'predict("churn", [{ agee: 45, tenure: 12, monthly_charges: 79.5 }])',
    "agee",
  ],
  ["a row for a text", 'predict("sentiment", { text: "good" })', "string"],
  [
    "a wrong input",
    'infer("churn", { feature: { shape: [1], data: Float32Array.of(1) } })',
    "feature",
  ],
  [
    "a wrong output",
    'infer("churn", { features: { shape: [1], data: [] } }).then((a) => a.outputs.labels)',
    "labels",
  ],
])("%s does not compile", async (_, call, word) => {
  const words = await compile(`${head}await client.${call};\nexport {};\n`);
  expect(words).toContain("program.ts(3,");
  expect(words).toContain(word);
});
