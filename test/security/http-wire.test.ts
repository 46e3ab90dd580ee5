// Goal: requests that disagree about where they end, grow without end or break off are refused
// before anything is done with them, and a connection is either in step or closed. Method: raw
// bytes on sockets against the built server with small limits.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type House, isFull, openHouse } from "./hostile-house.ts";
import { askRaw, chunked, postBytes, RawConnection } from "./raw-http.ts";

const headerBytesMax = 4_096;
const urlBytesMax = 512;

let house: House;

beforeAll(async () => {
  house = await openHouse({
    limits: { headerBytesMax, urlBytesMax },
    args: [...["--set", `limits.jsonBodyBytesMax=${8 * 1024 * 1024}`]],
  });
});
afterAll(() => house.close());

const good = JSON.stringify({
  inputs: [{ name: "x", shape: [1, 4], datatype: "FP32", data: [1, 2, 3, 4] }],
});
const path = "/v2/models/row/infer";
const live = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";

function post(lines: readonly string[], body: string): string {
  return [`POST ${path} HTTP/1.1`, "host: x", ...lines, "", body].join("\r\n");
}

const length = `content-length: ${good.length}`;
const hidden = `0\r\n\r\nGET /v2 HTTP/1.1\r\nhost: x\r\n\r\n`;

/** Each is refused with 400, and then the connection ends: nothing after it is read. */
test.each<[what: string, bytes: string]>([
  ["Content-Length and Transfer-Encoding", post([length, "transfer-encoding: chunked"], hidden)],
  ["Transfer-Encoding and Content-Length", post(["transfer-encoding: chunked", length], hidden)],
  ["two Content-Lengths", post([length, "content-length: 5"], good)],
  ["two equal Content-Lengths", post([length, length], good)],
  ["a list of Content-Lengths", post([`${length}, ${good.length}`], good)],
  ["a Content-Length with a plus", post([`content-length: +${good.length}`], good)],
  ["a negative Content-Length", post(["content-length: -1"], good)],
  ["a hexadecimal Content-Length", post(["content-length: 0x10"], good)],
  ["a Content-Length of 2^64 + n", post([`content-length: ${2n ** 64n + 5n}`], good)],
  ["an empty Content-Length", post(["content-length: "], good)],
  ["a blank before the colon", post([`content-length : ${good.length}`], good)],
  ["Transfer-Encoding with a blank", post(["transfer-encoding : chunked"], hidden)],
  ["Transfer-Encoding xchunked", post(["transfer-encoding: xchunked"], hidden)],
  ["Transfer-Encoding chunked, identity", post(["transfer-encoding: chunked, identity"], hidden)],
  ["Transfer-Encoding with a tab inside", post(["transfer-encoding: chun\tked"], hidden)],
  [
    "chunked twice over",
    post(["transfer-encoding: chunked", "transfer-encoding: identity"], hidden),
  ],
  ["obsolete folding", post(["x-a: b", " c: d", length], good)],
  ["a folded Transfer-Encoding", post(["transfer-encoding:", " chunked"], hidden)],
  [
    "a chunk size that is no number",
    post(["transfer-encoding: chunked"], "zz\r\nabc\r\n0\r\n\r\n"),
  ],
  [
    "a chunk size of 2^64",
    post(["transfer-encoding: chunked"], "10000000000000000\r\na\r\n0\r\n\r\n"),
  ],
  ["a negative chunk size", post(["transfer-encoding: chunked"], "-1\r\na\r\n0\r\n\r\n")],
  ["a chunk longer than it says", post(["transfer-encoding: chunked"], "2\r\nabc\r\n0\r\n\r\n")],
  ["a chunk size with 0x", post(["transfer-encoding: chunked"], "0x2\r\nab\r\n0\r\n\r\n")],
  ["a bare LF after a chunk size", post(["transfer-encoding: chunked"], "2\nab\r\n0\r\n\r\n")],
  ["a NUL in a header", post(["x-a: b\0c", length], good)],
  ["a NUL in a header name", post(["x-\0: b", length], good)],
  ["a header without colon", post(["nonsense", length], good)],
  ["a header without name", post([": b", length], good)],
  ["a bare CR in a header", post(["x-a: b\rx-b: c", length], good)],
  ["a header of high bytes in its name", post(["x-\u00ff: b", length], good)],
  ["HTTP/0.9", "GET /health/live\r\n\r\n"],
  ["HTTP/2.0", "GET /health/live HTTP/2.0\r\nhost: x\r\n\r\n"],
  ["HTTP/1.11", "GET /health/live HTTP/1.11\r\nhost: x\r\n\r\n"],
  ["HTTP/9.9", "GET /health/live HTTP/9.9\r\nhost: x\r\n\r\n"],
  ["a broken preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"],
  ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ["an SSH greeting", "SSH-2.0-OpenSSH_9.6\r\n"],
  ["a method nobody knows", "EVIL /health/live HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["a lower-case method", "get /health/live HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["blanks in the URL", "GET /health /live HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["control characters in the URL", "GET /health\x01live HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["a NUL in the URL", "GET /health\0live HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["no URL", "GET  HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["bytes that are no HTTP", "\0\0\0\0\r\n\r\n"],
])("refuses %s and ends the connection", async (_, bytes) => {
  const connection = new RawConnection(house.port);
  await connection.send(Buffer.from(bytes + live, "latin1"));
  const replies = await connection.replies();
  expect(replies.map((reply) => reply.status)).toEqual([400]);
  expect(replies[0]?.headers.get("connection")).toBe("close");
  expect(replies[0]?.headers.get("x-error-code")).toBe("INVALID_REQUEST");
  expect(replies[0]?.headers.get("x-request-id")).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
  const body = JSON.parse(String(replies[0]?.body)) as Record<string, unknown>;
  expect(body).toEqual({
    error: expect.any(String),
    code: "INVALID_REQUEST",
    request_id: replies[0]?.headers.get("x-request-id"),
  });
});

test("refuses a request without host", async () => {
  const reply = await askRaw(house.port, "GET /health/live HTTP/1.1\r\n\r\n");
  expect(reply?.status).toBe(400);
  expect(JSON.parse(String(reply?.body))).toMatchObject({ code: "INVALID_REQUEST" });
});

test("refuses a request of two hosts, also when they are equal, in its turn", async () => {
  const connection = new RawConnection(house.port);
  for (const version of ["1.1", "1.0"]) {
    for (const second of ["x", "evil.example", ""]) {
      const hosts = `host: x\r\nHost: ${second}\r\nconnection: keep-alive`;
      await connection.send(`GET /health/live HTTP/${version}\r\n${hosts}\r\n\r\n`);
      const reply = await connection.reply();
      expect([version, second, reply?.status]).toEqual([version, second, 400]);
      expect(JSON.parse(String(reply?.body))).toMatchObject({
        code: "INVALID_REQUEST",
        field: "host",
      });
    }
  }
  await connection.send(live);
  expect((await connection.reply())?.status).toBe(200);
  connection.destroy();
});

test.each<[what: string, bytes: string, status: number]>([
  ["a verb the route has not", "DELETE /models HTTP/1.1\r\nhost: x\r\n\r\n", 405],
  ["PUT", "PUT /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", 405],
  ["OPTIONS", "OPTIONS /predict HTTP/1.1\r\nhost: x\r\n\r\n", 405],
  ["OPTIONS *", "OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", 404],
  ["TRACE", "TRACE /predict HTTP/1.1\r\nhost: x\r\n\r\n", 405],
  ["an absolute URL", "GET http://evil.example/health/live HTTP/1.1\r\nhost: x\r\n\r\n", 200],
  ["two slashes", "GET //health/live HTTP/1.1\r\nhost: x\r\n\r\n", 404],
  ["a fragment", "GET /health/live#x HTTP/1.1\r\nhost: x\r\n\r\n", 404],
  ["dots", "GET /v2/../health/live HTTP/1.1\r\nhost: x\r\n\r\n", 404],
  ["a path of slashes", `GET ${"/".repeat(500)} HTTP/1.1\r\nhost: x\r\n\r\n`, 404],
  ["an unknown expectation", "GET /v2 HTTP/1.1\r\nhost: x\r\nexpect: tea\r\n\r\n", 200],
])("answers %s and stays in step", async (_, bytes, status) => {
  const connection = new RawConnection(house.port);
  await connection.send(bytes + live);
  expect((await connection.reply())?.status).toBe(status);
  expect((await connection.reply())?.status).toBe(200);
  connection.destroy();
});

test("CONNECT and upgrades open no tunnel", async () => {
  const upgrade = "GET /v2 HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n";
  const asked = [
    "CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n",
    `${upgrade}upgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n`,
    `${upgrade}upgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  ];
  for (const bytes of asked) {
    const reply = await askRaw(house.port, bytes);
    expect([undefined, 200, 400, 404, 405, 426]).toContain(reply?.status);
  }
});

test("answers pipelined requests in order, also when some are wrong", async () => {
  const connection = new RawConnection(house.port);
  const requests: string[] = [];
  for (let index = 0; index < 200; index += 1) {
    const id = `id-${index}`;
    const body = index % 3 === 0 ? "{" : good;
    const where = index % 7 === 0 ? "/v2/models/none/infer" : path;
    requests.push(
      index % 5 === 0
        ? `GET /health/live HTTP/1.1\r\nhost: x\r\nx-request-id: ${id}\r\n\r\n`
        : postBytes(where, body, { headers: [`x-request-id: ${id}`] }).toString(),
    );
  }
  await connection.send(requests.join(""));
  for (let index = 0; index < 200; index += 1) {
    const reply = await connection.reply();
    expect(reply?.headers.get("x-request-id")).toBe(`id-${index}`);
    const wanted = index % 5 === 0 ? 200 : index % 7 === 0 ? 404 : index % 3 === 0 ? 400 : 200;
    expect([index, reply?.status]).toEqual([index, wanted]);
  }
  connection.destroy();
});

test("a connection is used again after each refusal that has read its body", async () => {
  const connection = new RawConnection(house.port);
  for (const [where, body, status] of [
    [path, "{", 400],
    ["/v2/models/none/infer", good, 404],
    ["/predict", "[]", 400],
    [path, good, 200],
  ] as const) {
    await connection.send(postBytes(where, body));
    expect([where, (await connection.reply())?.status]).toEqual([where, status]);
  }
  connection.destroy();
});

test("HEAD answers the head alone, of good and bad requests", async () => {
  const connection = new RawConnection(house.port);
  for (const [where, status] of [
    ["/v2", 200],
    ["/models/none", 404],
    ["/metrics", 200],
    ["/openapi.json", 200],
    ["/predict", 405],
  ] as const) {
    await connection.send(`HEAD ${where} HTTP/1.1\r\nhost: x\r\n\r\n`);
    const head = await connection.reply(true);
    expect([where, head?.status]).toEqual([where, status]);
    expect(Number(head?.headers.get("content-length"))).toBeGreaterThan(0);
  }
  await connection.send(live);
  expect(String((await connection.reply())?.body)).toBe('{"status":"alive"}');
  connection.destroy();
});

test("HTTP/1.0 gets one answer and the end, or keep-alive when it asks", async () => {
  const once = new RawConnection(house.port);
  await once.send("GET /health/live HTTP/1.0\r\n\r\n");
  expect((await once.reply())?.status).toBe(200);
  expect(await once.endsWithin(5_000)).toBe(true);
  const kept = new RawConnection(house.port);
  await kept.send("GET /health/live HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
  const reply = await kept.reply();
  expect(reply?.status).toBe(200);
  kept.destroy();
});

test("Expect: 100-continue is answered before the body comes", async () => {
  const connection = new RawConnection(house.port);
  const head = [
    `POST ${path} HTTP/1.1`,
    "host: x",
    "content-type: application/json",
    "expect: 100-continue",
  ];
  await connection.send(`${[...head, length].join("\r\n")}\r\n\r\n`);
  expect((await connection.reply())?.status).toBe(100);
  await connection.send(good);
  expect((await connection.reply())?.status).toBe(200);
  const tooLarge = `${[...head, "content-length: 900000000"].join("\r\n")}\r\n\r\n`;
  await connection.send(tooLarge);
  let reply = await connection.reply();
  if (reply?.status === 100) reply = await connection.reply();
  expect(reply?.status).toBe(413);
  expect(await connection.endsWithin(5_000)).toBe(true);
});

test("a body on a GET is thrown away, however long it is", async () => {
  const connection = new RawConnection(house.port);
  const body = "x".repeat(1_000_000);
  await connection.send(`GET /v2 HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n`);
  expect((await connection.reply())?.status).toBe(200);
  for (let sent = 0; sent < 1; sent += 1) await connection.send(body);
  await connection.send(live);
  expect((await connection.reply())?.status).toBe(200);
  connection.destroy();
  const endless = new RawConnection(house.port);
  await endless.send(
    "GET /health?deep=1 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n",
  );
  for (let sent = 0; sent < 60; sent += 1) await endless.send(`f4240\r\n${body}\r\n`);
  endless.destroy();
  await house.endsWell();
});

test("a body on a route that does not exist is not kept", async () => {
  const body = "x".repeat(1_000_000);
  for (const where of ["/nowhere", "/v2/models/none/config"]) {
    const connection = new RawConnection(house.port);
    await connection.send(
      `POST ${where} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    const status = (await connection.reply())?.status;
    expect([404, 405]).toContain(status);
    for (let sent = 0; sent < 60; sent += 1) await connection.send(`f4240\r\n${body}\r\n`);
    connection.destroy();
  }
  await house.endsWell();
});

test("a caller who closes one side is answered or taken for gone", async () => {
  const connection = new RawConnection(house.port);
  await connection.send(postBytes(path, good));
  connection.socket.end();
  expect([undefined, 200]).toContain((await connection.reply())?.status);
  expect(await connection.endsWithin(5_000)).toBe(true);
  const cut = new RawConnection(house.port);
  await cut.send(`${post([length, "content-type: application/json"], good).slice(0, -10)}`);
  cut.socket.end();
  expect([undefined, 400]).toContain((await cut.reply())?.status);
  expect(await cut.endsWithin(5_000)).toBe(true);
});

test("callers who leave in the head, in the body and in the answer harm nobody", async () => {
  const count = isFull ? 2_000 : 300;
  const bytes = postBytes(path, good);
  for (let index = 0; index < count; index += 1) {
    const connection = new RawConnection(house.port);
    const cut = Math.floor((index / count) * (bytes.length + 1));
    await connection.send(bytes.subarray(0, cut));
    if (index % 3 === 0) connection.socket.resetAndDestroy();
    else connection.destroy();
  }
  await house.endsWell();
});

test("garbage after a request costs the connection, not the order of the answers", async () => {
  const connection = new RawConnection(house.port);
  await connection.send(`${live}${live}\0garbage\r\n\r\n`);
  const replies = await connection.replies();
  const statuses = replies.map((reply) => reply.status);
  expect(statuses).toEqual([200, 200, 400].slice(0, statuses.length));
  expect(statuses.length).toBeGreaterThan(0);
});

test("garbage behind a stream does not end up inside its answer", async () => {
  const instances = Array.from({ length: 200 }, () => [1, 2, 3, 4]);
  const connection = new RawConnection(house.port);
  const stream = postBytes("/predict/stream?model=row", JSON.stringify({ instances }));
  await connection.send(Buffer.concat([stream, Buffer.from("\0garbage\r\n\r\n")]));
  await connection.endsWithin(10_000);
  expect(connection.received.toString("latin1").indexOf("HTTP/1.1 400", 1)).toBe(-1);
});

// --- sizes ------------------------------------------------------------------------------------

test("headers over the limit are 431, and the connection ends", async () => {
  for (const lines of [
    [`x-a: ${"b".repeat(headerBytesMax)}`],
    Array.from({ length: 500 }, (_, index) => `x-${index}: ${"b".repeat(20)}`),
    [`cookie: ${"a=b; ".repeat(headerBytesMax)}`],
  ]) {
    const connection = new RawConnection(house.port);
    await connection.send(post([...lines, length], good));
    const [reply] = await connection.replies();
    expect([reply?.status, reply?.headers.get("x-error-code")]).toEqual([431, "HEADER_TOO_LARGE"]);
    expect(reply?.headers.get("x-request-id")).toBeTruthy();
  }
});

test("a header of limit - 1 bytes passes, limit + 1 does not", async () => {
  const head = (bytes: number): string => {
    const start = "GET /health/live HTTP/1.1\r\nhost: x\r\nx-a: ";
    // The parser counts the bytes of names and values; the margin is the rest of the head.
    return `${start}${"b".repeat(bytes)}\r\n\r\n`;
  };
  expect((await askRaw(house.port, head(headerBytesMax - 100)))?.status).toBe(200);
  expect((await askRaw(house.port, head(headerBytesMax + 1)))?.status).toBe(431);
});

test("2,000 tiny headers under the limit are read", async () => {
  const lines = Array.from({ length: 500 }, () => "a: b");
  const reply = await askRaw(
    house.port,
    post([...lines, length, "content-type: application/json"], good),
  );
  expect([200, 431]).toContain(reply?.status);
});

test("a URL at the limit is read, one byte more is 414", async () => {
  const url = (bytes: number): string => `/health/live?${"q".repeat(bytes - 13)}`;
  const ask = async (bytes: number): Promise<number | undefined> =>
    (await askRaw(house.port, `GET ${url(bytes)} HTTP/1.1\r\nhost: x\r\n\r\n`))?.status;
  expect(await ask(urlBytesMax - 1)).toBe(200);
  expect(await ask(urlBytesMax)).toBe(200);
  expect(await ask(urlBytesMax + 1)).toBe(414);
  expect(await ask(headerBytesMax * 4)).toBe(431);
});

test("trailers and chunk extensions without end are cut", async () => {
  const head = post(["transfer-encoding: chunked", "content-type: application/json"], "");
  const trailers = `${head}${chunked([good]).toString().slice(0, -2)}`;
  const long = new RawConnection(house.port);
  await long.send(`${trailers}x-a: ${"b".repeat(headerBytesMax * 2)}\r\n\r\n`);
  expect([400, 431]).toContain((await long.reply())?.status);
  const extended = new RawConnection(house.port);
  await extended.send(`${head}1;${"x".repeat(100_000)}\r\n{\r\n0\r\n\r\n`);
  expect([400, 413, 431]).toContain((await extended.reply())?.status);
  long.destroy();
  extended.destroy();
});

test("ends well", () => house.endsWell());
