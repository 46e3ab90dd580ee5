// Goal: TensorFlow Serving and KServe v1 clients get what those servers answer, and every refusal
// names what was wrong. Method: a door over models in memory that echo, answers compared whole.
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  inputSpec,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../test/support/rest-rig.ts";
import { ByteStrings, makeTensor, type Tensor } from "../../../tensor/index.ts";

let rig: RestRig;

const columns = [
  { name: "age", dtype: "FP32", min: 0, max: 120, default: undefined },
  { name: "tenure", dtype: "FP32", min: undefined, max: undefined, default: 7 },
] as const;

/** Gives every input back as an output of the same name. */
const echo = (request: { inputs: readonly (Tensor | undefined)[] }): readonly Tensor[] =>
  request.inputs.flatMap((tensor) => (tensor === undefined ? [] : [tensor]));

const models = [
  {
    name: "pair",
    inputs: [
      inputSpec({ name: "a", dtype: "INT64", shape: [-1, 2] }),
      inputSpec({ name: "b", dtype: "FP32", shape: [-1] }),
    ],
    outputs: [
      outputSpec({ name: "a", dtype: "INT64", shape: [-1, 2] }),
      outputSpec({ name: "b", dtype: "FP32", shape: [-1] }),
    ],
    run: echo,
  },
  {
    name: "half",
    inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1] })],
    outputs: [outputSpec({ name: "y", dtype: "FP32", shape: [-1] }, { role: "prediction" })],
    run(request: { inputs: readonly (Tensor | undefined)[] }) {
      const x = request.inputs[0] as Tensor;
      const elements = Float32Array.from(x.elements as Float32Array, (value) => value / 2 + 2);
      return [makeTensor("FP32", x.shape, elements)];
    },
  },
  {
    name: "churn",
    inputs: [inputSpec({ name: "features", dtype: "FP32", shape: [-1, 2] }, { columns })],
    outputs: [
      outputSpec(
        { name: "scores", dtype: "FP32", shape: [-1, 2] },
        { role: "probability", labels: ["stays", 1n] },
      ),
    ],
    run: echo,
  },
  {
    name: "words",
    inputs: [inputSpec({ name: "text", dtype: "BYTES", shape: [-1] })],
    outputs: [outputSpec({ name: "text_bytes", dtype: "BYTES", shape: [-1] })],
    run: echo,
  },
  {
    name: "image",
    inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1, 2, 2] })],
    outputs: [outputSpec({ name: "x", dtype: "FP32", shape: [-1, 2, 2] })],
    run: echo,
  },
  {
    name: "whole",
    inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1, 2] })],
    outputs: [
      outputSpec({ name: "x", dtype: "FP32", shape: [-1, 2] }),
      outputSpec({ name: "sum", dtype: "FP32", shape: [] }),
    ],
    layout: { kind: "none", reason: "the first dimension is time" } as const,
    run: (request: { inputs: readonly (Tensor | undefined)[] }) => [
      request.inputs[0] as Tensor,
      makeTensor("FP32", [], Float32Array.of(3)),
    ],
  },
];

beforeAll(async () => {
  rig = await openRestRig(models, { requestItemsMax: 4, jsonInlineBytesMax: 2_000 });
  const options = { version: "1", isRequired: false };
  const failed = rig.service.registry.register({ model: "broken", ...options });
  rig.service.registry.step(failed, "failed", { reason: "truncated file" });
});
afterAll(() => rig.close());

async function ask(path: string, body?: unknown, base = rig.url): Promise<[number, string]> {
  const given = typeof body === "string" ? body : JSON.stringify(body);
  const headers = { "content-type": "application/json", "x-request-id": "r" };
  const init = body === undefined ? { headers } : { method: "POST", body: given, headers };
  const reply = await fetch(`${base}/v1/models${path}`, init);
  return [reply.status, await reply.text()];
}

test("predicts rows: bare for one tensor, objects for several, int64 exact both ways", async () => {
  expect(await ask("/half:predict", { instances: [1, 2, 5] })).toEqual([
    200,
    '{"predictions":[2.5,3,4.5]}',
  ]);
  const rows = '{"instances":[{"a":[9007199254740993,1],"b":0.1},{"b":[2],"a":[-1,0]}]}';
  expect(await ask("/pair:predict", rows)).toEqual([
    200,
    '{"predictions":[{"a":[9007199254740993,1],"b":0.1},{"a":[-1,0],"b":2}]}',
  ]);
  expect(
    await ask("/image:predict", {
      instances: [
        [
          [1, 2],
          [3, 4],
        ],
      ],
    }),
  ).toEqual([200, '{"predictions":[[[1,2],[3,4]]]}']);
});

test("predicts columns: bare for one tensor, an object for several", async () => {
  expect(await ask("/half:predict", { inputs: [1, 2] })).toEqual([200, '{"outputs":[2.5,3]}']);
  expect(await ask("/half:predict", { inputs: { x: [1, 2] } })).toEqual([
    200,
    '{"outputs":[2.5,3]}',
  ]);
  expect(await ask("/pair:predict", { inputs: { b: [0.5], a: [[1, 2]] } })).toEqual([
    200,
    '{"outputs":{"a":[[1,2]],"b":[0.5]}}',
  ]);
  expect(await ask("/churn:predict", { inputs: { age: [1, 2], tenure: [3, 4] } })).toEqual([
    200,
    '{"outputs":[[1,3],[2,4]]}',
  ]);
  expect(await ask("/churn:predict", { inputs: { age: [1, 2] } })).toEqual([
    200,
    '{"outputs":[[1,7],[2,7]]}',
  ]);
});

test("takes the only input by its name, its fields by theirs, and a list of none", async () => {
  const body = { instances: [[1, 2], { features: [3, 4] }, { tenure: 6, age: 5 }, { age: 1 }] };
  expect(await ask("/churn:predict", body)).toEqual([
    200,
    '{"predictions":[[1,2],[3,4],[5,6],[1,7]]}',
  ]);
  expect(await ask("/half:predict", { instances: [] })).toEqual([200, '{"predictions":[]}']);
});

test("reads and writes bytes as base64", async () => {
  const body = { instances: ["hi", { b64: "/wA=" }, { text: { b64: "aGk" } }, { text: "" }] };
  expect(await ask("/words:predict", body)).toEqual([
    200,
    '{"predictions":[{"b64":"aGk="},{"b64":"/wA="},{"b64":"aGk="},{"b64":""}]}',
  ]);
  expect(await ask("/words:predict", { inputs: [{ b64: "aGk=" }] })).toEqual([
    200,
    '{"outputs":[{"b64":"aGk="}]}',
  ]);
});

test("stacks rows to one tensor for a model that takes a request as a whole", async () => {
  const rows = {
    instances: [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
  };
  expect(await ask("/whole:predict", { inputs: rows.instances })).toEqual([
    200,
    '{"outputs":{"x":[[1,2],[3,4],[5,6]],"sum":3}}',
  ]);
  const [status, text] = await ask("/whole:predict", rows);
  expect([status, JSON.parse(text)]).toMatchObject([406, { code: "OUTPUT_NOT_REPRESENTABLE" }]);
});

test("classifies and regresses examples, with what they have in common in a context", async () => {
  const examples = [{ age: 3, tenure: [4] }, { tenure: 1 }, { age: [8] }];
  expect(await ask("/churn:classify", { examples, context: { age: 5 } })).toEqual([
    200,
    '{"results":[[["stays",3],["1",4]],[["stays",5],["1",1]],[["stays",8],["1",7]]]}',
  ]);
  expect(
    await ask("/half:regress", { signature_name: "", examples: [{ x: [1] }, { x: 2 }] }),
  ).toEqual([200, '{"results":[2.5,3]}']);
});

test("finds versions by number, name and label, in any case of the words", async () => {
  const body = { instances: [1] };
  const answer = [200, '{"predictions":[2.5]}'];
  for (const path of ["/versions/1:predict", "/versions/1.0.0:predict", "/labels/latest:predict"]) {
    expect(await ask(`/half${path}`, body)).toEqual(answer);
  }
  expect(await ask("/half/Versions/1:PREDICT", body)).toEqual(answer);
});

test("tells status, metadata and the list", async () => {
  const version = {
    version: "1",
    state: "AVAILABLE",
    status: { error_code: "OK", error_message: "" },
  };
  const status = { model_version_status: [version], name: "half", ready: true };
  for (const path of ["/half", "/half/versions/1", "/half/labels/latest"]) {
    const [code, text] = await ask(path);
    expect([code, JSON.parse(text)]).toEqual([200, status]);
  }
  const [, broken] = await ask("/broken");
  expect(JSON.parse(broken)).toEqual({
    model_version_status: [
      {
        version: "1",
        state: "END",
        status: { error_code: "FAILED_PRECONDITION", error_message: "truncated file" },
      },
    ],
    name: "broken",
    ready: false,
  });
  expect(JSON.parse((await ask("/pair/metadata"))[1])).toMatchSnapshot();
  expect((await ask("/pair/versions/1/metadata"))[0]).toBe(200);
  const [, list] = await ask("");
  expect(JSON.parse(list)).toMatchObject({
    models: ["pair", "half", "churn", "words", "image", "whole", "broken"],
    object: "list",
    data: [
      { id: "pair", object: "model", created: 0, owned_by: "millrace" },
      {},
      {},
      {},
      {},
      {},
      {},
    ],
  });
});

test("shows a version that is no number by its revision, and finds it so", async () => {
  const own = await openRestRig(models);
  try {
    const { registry } = own.service;
    for (const version of ["1.1.0", "7"]) {
      const entry = registry.register({ model: "half", version, isRequired: false });
      registry.step(entry, "failed", { reason: `${version} is broken` });
    }
    const [, text] = await ask("/half", undefined, own.url);
    const { model_version_status: shown } = JSON.parse(text);
    const told = shown.map((each: { version: string; state: string }) => [
      each.version,
      each.state,
    ]);
    expect(told).toEqual([
      ["7", "END"],
      ["2", "END"],
      ["1", "AVAILABLE"],
    ]);
    const body = { instances: [1, 2, 3] };
    const two = await ask("/half/versions/2:predict", body, own.url);
    expect([two[0], JSON.parse(two[1])]).toMatchObject([
      503,
      { error: "version '1.1.0' of model 'half' is failed" },
    ]);
    const one = await ask("/half/versions/1:predict", body, own.url);
    expect(one).toEqual([200, '{"predictions":[2.5,3,3.5]}']);
    expect((await ask("/half/versions/3:predict", body, own.url))[0]).toBe(404);
  } finally {
    await own.close();
  }
});

test("reads a large body in a thread and answers the same", async () => {
  const instances = Array.from({ length: 4 }, (_, index) => index);
  const body = `{"instances":${JSON.stringify(instances)}${" ".repeat(3_000)}}`;
  const before = rig.service.metrics.http.jsonOffloaded;
  expect(await ask("/half:predict", body)).toEqual([200, '{"predictions":[2,2.5,3,3.5]}']);
  expect(rig.service.metrics.http.jsonOffloaded).toBe(before + 1);
});

test("writes a large answer in a thread, and refuses there as here", async () => {
  const wide = {
    name: "wide",
    inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1] })],
    outputs: [
      outputSpec({ name: "y", dtype: "FP32", shape: [-1, 30_000] }),
      outputSpec({ name: "t_bytes", dtype: "BYTES", shape: [-1] }),
    ],
    run({ inputs }: { inputs: readonly (Tensor | undefined)[] }) {
      const [x] = inputs as [Tensor];
      const first = (x.elements as Float32Array)[0] ?? 1;
      const y = Float32Array.from({ length: 30_000 }, (_, index) => index / 4 / first);
      const t = makeTensor("BYTES", [1], ByteStrings.fromText(["é"]));
      return [makeTensor("FP32", [1, 30_000], y), t];
    },
  };
  const own = await openRestRig([wide]);
  try {
    const [status, text] = await ask("/wide:predict", { instances: [1] }, own.url);
    const { predictions } = JSON.parse(text);
    expect(status).toBe(200);
    expect(predictions[0].t_bytes).toEqual({ b64: "w6k=" });
    expect(predictions[0].y.slice(-2)).toEqual([7499.5, 7499.75]);
    expect((await ask("/wide:predict", { instances: [0] }, own.url))[0]).toBe(406);
  } finally {
    await own.close();
  }
});

test("counts on its version under the door rest", async () => {
  const { requests } = rig.service.metrics.of("image", "1.0.0");
  const before = requests.successes;
  await ask("/image:predict", {
    instances: [
      [
        [1, 2],
        [3, 4],
      ],
    ],
  });
  expect(requests.successes).toBe(before + 1);
});

test("reads and writes bare NaN only where it was asked for", async () => {
  const own = await openRestRig(models, {}, { hasBareTokens: true });
  try {
    const body = '{"instances":[NaN, -Infinity ,Infinity,1.5,-Inf]}';
    expect(await ask("/half:predict", body, own.url)).toEqual([
      200,
      '{"predictions":[NaN,-Infinity,Infinity,2.75,-Infinity]}',
    ]);
    const ruled = await ask("/churn:predict", '{"instances":[[NaN,1]]}', own.url);
    expect(ruled[0]).toBe(400);
    expect(ruled[1]).toContain("instances[0].age: NaN is out of range");
    const image = '{"inputs":[[[NaN,1],[-Infinity,2]]]}';
    expect(await ask("/image:predict", image, own.url)).toEqual([
      200,
      '{"outputs":[[[NaN,1],[-Infinity,2]]]}',
    ]);
    expect((await ask("/half:predict", '{"instances":[NaNa]}', own.url))[0]).toBe(400);
  } finally {
    await own.close();
  }
});

const refusals: readonly (readonly [path: string, body: unknown])[] = [
  ["/half:predict", ""],
  ["/half:predict", "[1]"],
  ["/half:predict", "{"],
  ["/half:predict", {}],
  ["/half:predict", { instances: [1], inputs: [1] }],
  ["/half:predict", '{"instances":[1],"instances":[1]}'],
  ["/half:predict", { instances: 1 }],
  ["/half:predict", { instances: ["a"] }],
  ["/half:predict", { instances: [[1, 2]] }],
  ["/half:predict", { instances: [{ z: 1 }] }],
  ["/half:predict", { instances: [{ x: 1, z: 1 }] }],
  ["/half:predict", { instances: [1, 2, 3, 4, 5] }],
  ["/half:predict", '{"instances":[NaN]}'],
  ["/half:predict", '{"instances":[1e400]}'],
  ["/half:predict", { inputs: { z: [1] } }],
  ["/half:predict", { inputs: 1 }],
  ["/half:predict", '{"inputs":{"x":[1],"x":[1]}}'],
  ["/half:predict", { signature_name: "other", instances: [1] }],
  ["/half:predict", { signature_name: 1, instances: [1] }],
  ["/pair:predict", { instances: [{ a: [1, 2] }] }],
  ["/pair:predict", { instances: [{ a: [1, 2, 3], b: 1 }] }],
  ["/pair:predict", { instances: [{ a: [1, 2], b: [1, 2] }] }],
  ["/pair:predict", { instances: [{ a: [1.5, 2], b: 1 }] }],
  ["/pair:predict", { inputs: [1] }],
  ["/pair:predict", { inputs: { a: [[1, 2]] } }],
  ["/pair:predict", { inputs: { a: [[1, 2]], b: [1, 2] } }],
  ["/churn:predict", { instances: [{ age: 121 }] }],
  ["/churn:predict", { instances: [{ age: 1, tenor: 1 }] }],
  ["/churn:predict", { inputs: { age: [1, 2], tenure: [1] } }],
  ["/churn:predict", { inputs: { tenure: [1] } }],
  ["/words:predict", { instances: [1] }],
  ["/words:predict", { instances: [{ b64: "a" }] }],
  ["/words:predict", { instances: [{ b64: "a===" }] }],
  ["/words:predict", { instances: [{ b64: "a b=" }] }],
  ["/words:predict", { instances: [{ b64: 1 }] }],
  ["/words:predict", { instances: [{ b64: "", more: 1 }] }],
  ["/churn:classify", { instances: [1] }],
  ["/churn:classify", { examples: [1] }],
  ["/churn:classify", { examples: [{ tenure: 1 }] }],
  ["/churn:classify", { examples: [{ age: [1, 2] }] }],
  ["/churn:classify", { examples: [{ age: [] }] }],
  ["/churn:classify", { examples: [{ age: 1 }], context: 1 }],
  ["/churn:classify", `{"examples":[{}],"context":{"age":1${" ".repeat(4_096)}}}`],
  ["/half:classify", { examples: [{ x: 1 }] }],
  ["/churn:regress", { examples: [{ age: 1 }] }],
  ["/half:explain", { instances: [1] }],
  ["/half:guess", { instances: [1] }],
  ["/half", { instances: [1] }],
  ["/half/versions/9:predict", { instances: [1] }],
  ["/half/labels/1.0.0:predict", { instances: [1] }],
  ["/half/labels/nightly:predict", { instances: [1] }],
  ["/half/aliases/1:predict", { instances: [1] }],
  ["/nope:predict", { instances: [1] }],
  ["/nope/versions/1:predict", { instances: [1] }],
  ["/broken:predict", { instances: [1] }],
  ["/half:predict", undefined],
  ["/nope", undefined],
  ["/half/metadatum", undefined],
  ["/half/versions/2", undefined],
];

test("refuses with the field, what was expected and a code", async () => {
  const answers: Record<string, unknown> = {};
  for (const [path, body] of refusals) {
    const [status, text] = await ask(path, body);
    expect(status, `${path} ${JSON.stringify(body)} ${text}`).toBeGreaterThanOrEqual(400);
    expect([500, 502, 504]).not.toContain(status);
    const { error, code, field } = JSON.parse(text);
    const whole = typeof body === "string" ? body : JSON.stringify(body);
    const shown = whole?.replace(" ".repeat(4_096), "...");
    answers[`${body === undefined ? "GET" : "POST"} ${path} ${shown ?? ""}`] = [
      status,
      code,
      error,
      field,
    ];
  }
  expect(answers).toMatchSnapshot();
});

test("asks for JSON, and says what came", async () => {
  const reply = await fetch(`${rig.url}/v1/models/half:predict`, {
    method: "POST",
    headers: { "content-type": "text/csv" },
    body: "1",
  });
  expect([reply.status, await reply.json()]).toMatchObject([
    415,
    {
      code: "UNSUPPORTED_MEDIA_TYPE",
      error: "header 'content-type': expected application/json, got 'text/csv'",
    },
  ]);
});
