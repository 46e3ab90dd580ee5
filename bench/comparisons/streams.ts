/** The streams of the server beside its own single requests: a WebSocket, and lines of rows. */
import { jsonRequest, oneRow } from "../inputs/fixed-requests.ts";
import { modelFiles } from "../inputs/model-files.ts";
import { loadedSide } from "../sides/loaded-side.ts";
import { startMillrace } from "../sides/millrace.ts";
import { socketSide, startSocketClient } from "../sides/socket-side.ts";
import type { Comparison } from "../stage.ts";

const [sockets, inFlight] = [64, 8];

export const streamSockets: Comparison = {
  name: "stream-sockets",
  about: `one row a message, ${inFlight} in flight on each of ${sockets} WebSockets, both cores`,
  claims: [
    {
      key: "front-cpu-rest",
      title: "CPU of the front per request against REST on 64 connections",
      ...{ metric: "frontCpuUs", of: "websocket", to: "rest", as: "ratio" },
      goal: { atMost: 0.6 },
    },
    {
      key: "front-cpu-rest-512",
      title: "CPU of the front per request against REST on 512 connections",
      ...{ metric: "frontCpuUs", of: "websocket", to: "rest at 512", as: "ratio" },
    },
    {
      key: "errors",
      title: "errors on WebSockets",
      ...{ metric: "errors", of: "websocket", as: "value", isForEveryRound: true },
      goal: { atMost: 0 },
    },
  ],
  async setUp(stage) {
    const [request, model] = [oneRow(), modelFiles.customer()];
    const server = await startMillrace(stage, { first: request, models: [model] });
    const client = await startSocketClient(stage);
    const message = { ...request, path: "/predict/ws" };
    return [
      socketSide(server, { name: "websocket", client, request: message, sockets, inFlight }),
      loadedSide(server, { name: "rest", request, connections: 64 }),
      loadedSide(server, { name: "rest at 512", request, connections: sockets * inFlight }),
    ];
  },
};

const streamRows = 10_000;

export const streamLines: Comparison = {
  name: "stream-lines",
  about: `${streamRows} rows of 4 features in one NDJSON stream, 4 connections, both cores`,
  unit: "rows",
  claims: [
    {
      key: "rate-single",
      title: "rows/s against the same rows as single requests on 64 connections",
      ...{ metric: "perSecond", of: "stream", to: "single", as: "ratio" },
      goal: { atLeast: 5 },
    },
  ],
  async setUp(stage) {
    const [single, model] = [oneRow(), modelFiles.customer()];
    const instances = Array.from({ length: streamRows }, (_, index) => [
      42 + (index % 30),
      18,
      79.35,
      1397,
    ]);
    const stream = jsonRequest("stream", "/predict/stream", { instances });
    const server = await startMillrace(stage, { first: single, models: [model] });
    return [
      loadedSide(server, { name: "stream", request: stream, connections: 4, rows: streamRows }),
      loadedSide(server, { name: "single", request: single, connections: 64 }),
    ];
  },
};
