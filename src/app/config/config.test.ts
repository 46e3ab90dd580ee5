// Goal: a setting comes from the right place, and a wrong one is refused with its place and a hint.
// Method: sources by hand; nothing is read from this machine.
import { expect, test } from "vitest";
import { type LimitName, limitTable } from "../../base/index.ts";
import { type ConfigSources, loadConfig, printConfig, settingOfText } from "./config.ts";
import { ConfigError } from "./problems.ts";
import { settings } from "./settings.ts";

function load(sources: Partial<ConfigSources>) {
  return loadConfig({ flags: [], environment: {}, file: undefined, ...sources });
}

function file(text: string) {
  return { path: "conf/millrace.yaml", text };
}

async function problemsOf(sources: Partial<ConfigSources>): Promise<readonly string[]> {
  try {
    await load(sources);
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.problems;
    throw thrown;
  }
  return [];
}

test("defaults hold when nothing is given", async () => {
  const { config, origins } = await load({});
  expect(config.server).toMatchObject({ host: "0.0.0.0", port: 8000, listeners: 16 });
  expect(config.limits.queueItemsMax).toBe(limitTable.queueItemsMax.default);
  expect(new Set(origins.values())).toEqual(new Set(["default"]));
  expect(() => Object.assign(config.server, { port: 1 })).toThrow(TypeError);
});

test("a flag wins over a variable, that over the file, and that over the default", async () => {
  const text = "server:\n  host: file\n  port: 1\nlog:\n  level: warn\nlimits:\n  rankMax: 4\n";
  const { config, origins } = await load({
    file: file(text),
    environment: { MILLRACE_SERVER_HOST: "variable", MILLRACE_SERVER_PORT: "2", OTHER: "x" },
    flags: [{ setting: "server.port", value: 3, origin: "flag --port" }],
  });
  expect(config.server).toMatchObject({ host: "variable", port: 3 });
  expect([config.log.level, config.limits.rankMax]).toEqual(["warn", 4]);
  expect(origins.get("server.port")).toBe("flag --port");
  expect(origins.get("server.host")).toBe("MILLRACE_SERVER_HOST");
  expect(origins.get("log.level")).toBe("conf/millrace.yaml line 5");
  expect(origins.get("log.format")).toBe("default");
});

test("every problem of a file is told at once with its line and a suggestion", async () => {
  const text = [
    "server:",
    "  prt: 8000",
    "  port: 99999",
    "logs:",
    "  level: info",
    "log:",
    "  level: wrn",
    "models: 5",
  ].join("\n");
  expect(await problemsOf({ file: file(text) })).toEqual([
    "conf/millrace.yaml line 2: server: unknown key 'prt'; did you mean 'port'?",
    "conf/millrace.yaml line 4: unknown key 'logs'; did you mean 'log'?",
    "conf/millrace.yaml line 8: models: expected a mapping of keys",
    "conf/millrace.yaml line 3: server.port: got 99999, expected at most 65535",
    "conf/millrace.yaml line 7: log.level: got 'wrn', expected one of debug, info, warn, error, " +
      "silent; did you mean 'warn'?",
  ]);
});

test("an alias is refused that is not of the form, naming its place in the list", async () => {
  const right = await load({ environment: { MILLRACE_MODELS_ALIASES: "a/stable=1:b/next=2.0.0" } });
  expect(right.config.models.aliases).toEqual(["a/stable=1", "b/next=2.0.0"]);
  const text = "models:\n  aliases: [a/stable=1, a/latest=1]\n  defaultVersion: first\n";
  expect(await problemsOf({ file: file(text) })).toEqual([
    "conf/millrace.yaml line 2: models.aliases[1]: got 'a/latest=1', " +
      "expected the form churn/stable=1.2.0",
    "conf/millrace.yaml line 3: models.defaultVersion: got 'first', " +
      "expected one of stable, latest",
  ]);
});

test("what is no YAML is refused with its line", async () => {
  const [problem] = await problemsOf({ file: file("server:\n  port: [1\n") });
  expect(problem).toMatch(/^conf\/millrace\.yaml line \d: /);
  expect(await problemsOf({ file: file("- a\n") })).toEqual([
    "conf/millrace.yaml: expected a mapping of sections",
  ]);
  expect(await problemsOf({ file: file("server:\n  port: 1\n  port: 2\n") })).toHaveLength(1);
});

test("an empty file and an empty section are no problem", async () => {
  expect(await problemsOf({ file: file("") })).toEqual([]);
  expect(await problemsOf({ file: file("# nothing\n") })).toEqual([]);
  expect(await problemsOf({ file: file("server:\n") })).toEqual([]);
});

test("a misspelt variable is refused, a foreign one is not", async () => {
  const environment = { MILLRACE_SERVER_PROT: "1", MILLRACE_FIXTURES: "/x", MILLRACE: "y" };
  expect(await problemsOf({ environment })).toEqual([
    "MILLRACE_SERVER_PROT: no such setting; did you mean 'MILLRACE_SERVER_PORT'?",
  ]);
});

test("text of variables becomes the type of the setting", async () => {
  const { config } = await load({
    environment: {
      MILLRACE_MODELS_PATHS: "a.onnx:/b/c",
      MILLRACE_DOCS_ENABLED: "no",
      MILLRACE_WORKERS_INSTANCES: "auto",
      MILLRACE_SIMPLE_VALIDATION_STATUS: "422",
      MILLRACE_OIP_SERVER_NAME: "12",
    },
  });
  expect(config.models.paths).toEqual(["a.onnx", "/b/c"]);
  expect(config.docs.enabled).toBe(false);
  expect(config.workers.instances).toBe("auto");
  expect(config.simple.validationStatus).toBe(422);
  expect(config.oip.serverName).toBe("12");
});

test("text that does not fit is refused with the variable's name", async () => {
  const environment = { MILLRACE_SERVER_PORT: "eighty", MILLRACE_DOCS_ENABLED: "maybe" };
  expect(await problemsOf({ environment })).toEqual([
    "MILLRACE_SERVER_PORT: server.port: got 'eighty', expected a number",
    "MILLRACE_DOCS_ENABLED: docs.enabled: got 'maybe', expected true or false",
  ]);
});

test("paths of a file are relative to the file, those of flags to the caller", async () => {
  const text = "models:\n  paths: [churn, /abs/iris.onnx]\n";
  const { config } = await load({ file: file(text) });
  expect(config.models.paths).toEqual(["conf/churn", "/abs/iris.onnx"]);
});

test("a name for several paths is refused", async () => {
  const flags = [
    { setting: "models.paths", value: ["a", "b"], origin: "arguments" },
    { setting: "models.name", value: "churn", origin: "flag --name" },
  ];
  expect(await problemsOf({ flags })).toEqual([
    "flag --name: models.name: names one model, but there are 2 paths",
  ]);
});

test("--set reaches every setting and suggests the one that was meant", () => {
  expect(settingOfText("limits.rankMax=4")).toMatchObject({ setting: "limits.rankMax", value: 4 });
  expect(() => settingOfText("limits.rankMux=4")).toThrow("did you mean 'limits.rankMax'?");
  expect(() => settingOfText("limits.rankMax")).toThrow("expected limits.rankMax=VALUE");
});

test("every limit is refused just outside its range and taken at its ends", async () => {
  for (const [name, row] of Object.entries(limitTable)) {
    const at = (value: number) =>
      problemsOf({ flags: [{ setting: `limits.${name as LimitName}`, value, origin: "test" }] });
    expect(await at(row.min)).toEqual([]);
    expect(await at(row.max)).toEqual([]);
    expect(await at(row.min - 1)).toHaveLength(1);
    expect(await at(row.max + 1)).toHaveLength(1);
  }
});

test("the printed configuration gives itself when it is read again", async () => {
  const environment = { MILLRACE_SERVER_PORT: "81", MILLRACE_MODELS_PATHS: "/a b:/c" };
  const first = await load({ environment });
  const printed = printConfig(first);
  expect(printed).toContain("# MILLRACE_SERVER_PORT");
  expect((await load({ file: file(printed) })).config).toEqual(first.config);
});

test("every setting has a description and a name of its own", () => {
  expect(new Set(settings.map(({ variable }) => variable)).size).toBe(settings.length);
});

test("a platform's variables stand between the file and our own", async () => {
  const environment = {
    SAGEMAKER_BIND_TO_PORT: "8081",
    AIP_HEALTH_ROUTE: "/v1/endpoints/1/deployedModels/2",
    AIP_PREDICT_ROUTE: "/v1/endpoints/1/deployedModels/2:predict",
    AIP_STORAGE_URI: "/mnt/model",
  };
  const { config, origins } = await load({ file: file("server:\n  port: 1\n"), environment });
  expect(config.server.port).toBe(8081);
  expect(config.vertex.predictRoute).toBe("/v1/endpoints/1/deployedModels/2:predict");
  expect(config.models.paths).toEqual(["/mnt/model"]);
  expect(origins.get("server.port")).toBe("SAGEMAKER_BIND_TO_PORT");
  const own = await load({ environment: { ...environment, MILLRACE_SERVER_PORT: "2" } });
  expect(own.config.server.port).toBe(2);
  const vertex = await load({ environment: { AIP_HTTP_PORT: "3" } });
  expect(vertex.config.server.port).toBe(3);
});

test("a platform's variable that is wrong is refused by its name", async () => {
  const environment = { AIP_HTTP_PORT: "x", AIP_PREDICT_ROUTE: "predict" };
  expect(await problemsOf({ environment })).toEqual([
    expect.stringContaining("AIP_HTTP_PORT: server.port: "),
    expect.stringContaining("AIP_PREDICT_ROUTE: vertex.predictRoute: got 'predict', expected a"),
  ]);
});

test("a model in a bucket is refused, unless a path is named too", async () => {
  const environment = { AIP_STORAGE_URI: "gs://bucket/model" };
  expect(await problemsOf({ environment })).toEqual([
    "AIP_STORAGE_URI: 'gs://bucket/model' is not read by this server, expected a folder: " +
      "copy the model into the image or mount it, and name its path",
  ]);
  const flags = [{ setting: "models.paths", value: ["model.onnx"], origin: "argument" }];
  expect((await load({ environment, flags })).config.models.paths).toEqual(["model.onnx"]);
});

test("SageMaker's folder and port count where nothing else names a model", async () => {
  const { config } = await load({ hasSagemakerModel: true });
  expect(config.models.paths).toEqual(["/opt/ml/model"]);
  expect(config.server.port).toBe(8080);
  const bound = await load({
    hasSagemakerModel: true,
    environment: { SAGEMAKER_BIND_TO_PORT: "9" },
  });
  expect(bound.config.server.port).toBe(9);
  const flags = [{ setting: "models.paths", value: ["model.onnx"], origin: "argument" }];
  const named = await load({ hasSagemakerModel: true, flags });
  expect(named.config.models.paths).toEqual(["model.onnx"]);
  expect(named.config.server.port).toBe(8000);
});

test("every grpc setting has its ends, and one past them is refused by name", async () => {
  const ends: readonly [string, readonly unknown[], readonly unknown[]][] = [
    ["enabled", [true, false], ["maybe", 2]],
    ["host", ["", "h".repeat(255)], ["h".repeat(256)]],
    ["port", [null, 0, 65_535], [-1, 65_536, 0.5]],
    ["reflection", [true, false], ["perhaps"]],
    ["web", [true, false], ["never"]],
    ["tlsCert", ["", "p".repeat(4_096)], ["p".repeat(4_097)]],
    ["tlsKey", ["", "p".repeat(4_096)], ["p".repeat(4_097)]],
    ["tlsClientCa", ["", "p".repeat(4_096)], ["p".repeat(4_097)]],
    ["keepAliveMs", [1_000, 86_400_000], [999, 86_400_001]],
  ];
  const known = settings.filter(({ section }) => section === "grpc").map(({ key }) => key);
  expect(ends.map(([key]) => key)).toEqual(known);
  const given = (key: string, value: unknown): Partial<ConfigSources> => ({
    file: file(`grpc:\n  ${key}: ${JSON.stringify(value)}\n`),
  });
  for (const [key, right, wrong] of ends) {
    for (const value of right) {
      const { config } = await load(given(key, value));
      expect(Reflect.get(config.grpc, key)).toBe(value);
    }
    for (const value of wrong) {
      expect((await problemsOf(given(key, value))).join(), `${key} ${value}`).toContain(key);
    }
  }
});

test("each limit of streams, sockets and gRPC has its ends", async () => {
  const names =
    "grpcMessageBytesMax http2StreamsMax wsFrameBytesMax socketRequestsMax socketSilentMsMax " +
    "streamsMax streamBufferBytesMax streamsKeptMax streamsKeptBytesMax streamKeptMsMax";
  for (const name of names.split(" ") as LimitName[]) {
    const { min, max } = limitTable[name];
    const given = (value: number): Partial<ConfigSources> => ({
      file: file(`limits:\n  ${name}: ${value}\n`),
    });
    for (const value of [min, max]) {
      expect((await load(given(value))).config.limits[name]).toBe(value);
    }
    for (const value of [min - 1, max + 1]) {
      expect((await problemsOf(given(value))).join(), `${name} ${value}`).toContain(name);
    }
  }
});

test("origins are a list in a file, and have spaces between in a variable or flag", async () => {
  const wanted = ["https://app.example", "http://localhost:3000"];
  const text = `cors:\n  origins: [${wanted.join(", ")}]\n`;
  const inFile = await load({ file: file(text) });
  const inVariable = await load({ environment: { MILLRACE_CORS_ORIGINS: wanted.join(" ") } });
  const inFlag = await load({ flags: [settingOfText(`cors.origins=${wanted.join("  ")}`)] });
  for (const { config } of [inFile, inVariable, inFlag]) {
    expect(config.cors.origins).toEqual(wanted);
  }
  expect((await load({ flags: [settingOfText("cors.origins=*")] })).config.cors.origins).toEqual([
    "*",
  ]);
  const [problem] = await problemsOf({ environment: { MILLRACE_CORS_ORIGINS: "https://a.b/c" } });
  expect(problem).toContain("cors.origins[0]: got 'https://a.b/c', expected an origin like");
});
