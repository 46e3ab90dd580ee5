/**
 * `POST /v1/models/M[/versions/N|/labels/L]:predict`, `:classify` and `:regress`; `:explain` is
 * KServe's and answers that nothing here explains.
 *
 * Contract: the REST API of TensorFlow Serving 2.x; KServe v1 is its `:predict` with rows. Our
 * models have one signature, so `serving_default` is the only name that `signature_name` may have.
 */
import { ServingError } from "../../../base/index.ts";
import type { OutputSpec } from "../../../model/index.ts";
import {
  checkSignature,
  classScores,
  findTfs,
  regressionNumbers,
  type ServedVersion,
} from "../../../service/index.ts";
import type { Tensor } from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { beginOn, checkJsonType } from "../http/exchange-work.ts";
import { serverTimingLine } from "../http/server-timing.ts";
import type { RowsKey, RowsRequest } from "../rows/rows-request.ts";
import { type RowsRoute, readRows } from "../rows/rows-thread.ts";
import { runRows } from "../rows/run-rows.ts";
import { tfsServing } from "./serving.ts";
import { choiceOf, noRoute, type TargetPath } from "./target.ts";
import { type AnswerKind, writeAnywhere } from "./write-reply.ts";

export interface TfsRoute extends RowsRoute {
  readonly hasBareTokens: boolean;
}

type Verb = "predict" | "classify" | "regress";

const keysOf: Readonly<Record<Verb, readonly RowsKey[]>> = {
  predict: ["instances", "inputs"],
  classify: ["examples"],
  regress: ["examples"],
};

/** Answers one call; the last part of the path ends in its verb. */
export function call(route: TfsRoute, exchange: Exchange): Promise<void> {
  const { path, verb } = readCall(exchange.parameters);
  checkJsonType(exchange.headers.contentType);
  const served = findTfs(route.service, choiceOf(path));
  beginOn(exchange, served);
  return run(route, exchange, { served, verb });
}

async function run(
  route: TfsRoute,
  exchange: Exchange,
  { served, verb }: { readonly served: ServedVersion; readonly verb: Verb },
): Promise<void> {
  const { service, hasBareTokens } = route;
  const { jsonDepthMax } = service.limits;
  const serving = tfsServing(served, { jsonDepthMax, hasBareTokens });
  const rules = { format: "json", limits: serving.limits, keys: keysOf[verb] } as const;
  const decoded = await readRows(route, exchange, { plan: serving.plan, rules });
  checkSignature(decoded.signatureName);
  const outputs = await runRows(service, exchange, { served, serving, decoded });
  const kind = kindOf(verb, decoded);
  const shown = shownOf(kind, outputs, served.signature.outputs);
  const form = { specs: shown.specs, hasBareTokens };
  const reply = { kind, outputs: shown.outputs, form };
  const text = await writeAnywhere(route.threads, reply, exchange.cancellation);
  exchange.writtenAtMs = service.clock.nowMs();
  const lines = serverTimingLine(exchange.times, exchange.writtenAtMs);
  exchange.reply({ status: 200, contentType: "application/json", lines }, text);
}

function kindOf(verb: Verb, { form }: RowsRequest): AnswerKind {
  if (verb === "classify") return "classes";
  if (verb === "regress") return "regressions";
  return form === "columns" ? "outputs" : "predictions";
}

/** The outputs that the answer holds. @throws INVALID_INPUT examples do not suit the model */
function shownOf(
  kind: AnswerKind,
  outputs: readonly Tensor[],
  specs: readonly OutputSpec[],
): { outputs: readonly Tensor[]; specs: readonly OutputSpec[] } {
  if (kind === "predictions" || kind === "outputs") return { outputs, specs };
  const { tensor, spec } =
    kind === "classes" ? classScores(outputs, specs) : regressionNumbers(outputs, specs);
  return { outputs: [tensor], specs: [spec] };
}

/** Splits `M:predict`, or `M`, `versions`, `3:predict`. */
function readCall(parameters: readonly string[]): { path: TargetPath; verb: Verb } {
  const last = parameters.at(-1) ?? "";
  const colon = last.lastIndexOf(":");
  if (colon === -1) throw noRoute();
  const head = last.slice(0, colon);
  const verb = last.slice(colon + 1).toLowerCase();
  if (verb === "explain") {
    const message = "explain: known, but not offered: no model of this server has an explainer";
    throw new ServingError("UNSUPPORTED", message);
  }
  if (verb !== "predict" && verb !== "classify" && verb !== "regress") throw noRoute();
  const [model = "", kind] = parameters;
  const path = parameters.length === 1 ? { model: head } : { model, kind, version: head };
  return { path, verb };
}
