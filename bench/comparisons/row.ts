/** One row a request: the four-feature classifier, which every peer can serve. */

import { oneRow, tritonRow } from "../inputs/fixed-requests.ts";
import { modelFiles } from "../inputs/model-files.ts";
import type { Side } from "../sample.ts";
import { startFastApi } from "../sides/fastapi.ts";
import { loadedSide } from "../sides/loaded-side.ts";
import { startMillrace } from "../sides/millrace.ts";
import { mustAgree, startNodePeer } from "../sides/node-peers.ts";
import { startTriton } from "../sides/triton.ts";
import type { Comparison, Stage } from "../stage.ts";
import type { Claim } from "../verdict/claim.ts";

interface Placement {
  readonly cores?: string;
  readonly generatorCores?: string;
}

/** Every peer that serves one row, each under the same load. */
async function allPeers(stage: Stage, placement: Placement): Promise<Side[]> {
  const [request, model, { cores }] = [oneRow(), modelFiles.customer(), placement];
  const plan = { first: request, ...(cores === undefined ? {} : { cores }) };
  const load = { request, connections: 64, ...placement };
  const millrace = await startMillrace(stage, { ...plan, models: [model] });
  const constant = await startNodePeer(stage, "constant", plan);
  const naive = await startNodePeer(stage, "naive", { ...plan, model });
  mustAgree(millrace, naive);
  const fastapi = await startFastApi(stage, request, cores);
  const asked = tritonRow();
  const served = { name: "customer", input: "float_input", width: 4, first: asked };
  const triton = await startTriton(stage, { ...served, model, cores });
  return [
    ...[millrace, constant, naive, ...fastapi].map((server) => loadedSide(server, load)),
    ...triton.map((each) => loadedSide(each.server, { ...load, request: asked })),
  ];
}

const rate = { metric: "perSecond", of: "millrace", as: "ratio" } as const;
const shown: readonly Claim[] = [
  { ...rate, key: "rate-naive", title: "requests/s against naive Node", to: "naive" },
  {
    ...rate,
    key: "rate-triton",
    title: "requests/s against Triton (Python backend)",
    to: "triton",
  },
  { ...rate, key: "rate-fastapi", title: "requests/s against FastAPI", to: "fastapi" },
];

export const row: Comparison = {
  name: "row",
  about: "logistic regression over 4 features, one row a request, 64 connections, both cores",
  claims: [
    {
      key: "front-cpu-constant",
      title: "CPU of the front per request against the bare constant",
      metric: "frontCpuUs",
      of: "millrace",
      to: "constant",
      as: "ratio",
      goal: { atMost: 0.9 },
    },
    {
      ...rate,
      key: "rate-constant",
      title: "requests/s against the bare constant",
      to: "constant",
      goal: { atLeast: 1.25 },
    },
    ...shown,
  ],
  setUp: (stage) => allPeers(stage, {}),
};

export const rowOneCore: Comparison = {
  name: "row-one-core",
  about: "the same with all processes of a server on core 0, the generator on core 1",
  claims: [
    {
      ...rate,
      key: "rate-naive",
      title: "requests/s against naive Node",
      to: "naive",
      goal: { atLeast: 2.2 },
    },
    { ...rate, key: "rate-constant", title: "requests/s against the constant", to: "constant" },
    ...shown.slice(1),
  ],
  setUp: (stage) => allPeers(stage, { cores: "0", generatorCores: "1" }),
};
