/**
 * Finds the version that a simple body means and reads the body by its plan.
 *
 * The model stands in the query, in a header, in the body, or is the only one. The body is read
 * once by the plan of the version known so far; only when it then names another one is it read
 * again, whether or not the first plan could read it. The request counts on the version known so
 * far from before its body is read. Bodies over `jsonInlineBytesMax` are read in a parsing thread.
 */
import type { ServedVersion, Service } from "../../../service/index.ts";
import type { Call } from "../call.ts";
import { beginOn, leaveVersion } from "../http/exchange-work.ts";
import { decodeSimple, type SimpleRequest } from "./decode.ts";
import { noNames, readNames } from "./names.ts";
import type { ParseThread } from "./parse-thread.ts";
import { simpleServing } from "./serving.ts";

export interface ReadSimple {
  readonly served: ServedVersion;
  readonly decoded: SimpleRequest;
}

export interface ReadRules {
  /** Faulty rows are noted instead of ending the request. */
  readonly isTolerant: boolean;
  /** The key `id` names the request. */
  readonly hasId?: true;
}

export type ReadBody = (call: Call, rules: ReadRules) => ReadSimple | Promise<ReadSimple>;

/** What names a version. */
export interface Wanted {
  readonly model: string | undefined;
  readonly version: string | undefined;
}

/** Makes the reader of one door. */
export function makeReadBody(service: Service, thread: ParseThread): ReadBody {
  return (call, rules) => {
    const isLarge = call.body.length > service.limits.jsonInlineBytesMax;
    if (isLarge) return readLarge({ service, thread, call, rules });
    let wanted = knownWanted(service, call);
    if (wanted.model === undefined) {
      wanted = namedWanted(wanted, readNames(call.body, service.limits.jsonDepthMax));
    }
    return readHere({
      service,
      thread,
      call,
      rules,
      wanted,
      served: begin(service, call, wanted),
    });
  };
}

/** As the reading of a small body, with all that scans the body in a thread. */
async function readLarge(
  reading: Pick<Reading, "service" | "thread" | "call" | "rules">,
): Promise<ReadSimple> {
  const { service, thread, call } = reading;
  service.metrics.http.jsonOffloaded += 1;
  let wanted = knownWanted(service, call);
  if (wanted.model === undefined) {
    const { jsonDepthMax } = service.limits;
    const { body: bytes, cancellation } = call;
    wanted = namedWanted(wanted, await thread.names({ bytes, jsonDepthMax, cancellation }));
  }
  return await readApart({ ...reading, wanted, served: begin(service, call, wanted) });
}

/** Finds the version and books the request on it. */
function begin(service: Service, call: Call, { model, version }: Wanted): ServedVersion {
  const served = service.find(model ?? service.needModel(), version);
  beginOn(call, served);
  return served;
}

/** One body and the version that it means as far as is known. */
interface Reading {
  readonly service: Service;
  readonly thread: ParseThread;
  readonly call: Call;
  readonly rules: ReadRules;
  readonly wanted: Wanted;
  readonly served: ServedVersion;
}

function readHere(reading: Reading): ReadSimple {
  const { served } = reading;
  let decoded: SimpleRequest;
  try {
    decoded = decodeHere(reading, served);
  } catch (thrown) {
    const target = moveTo(reading, namedInside(reading));
    if (target === served) throw thrown;
    return { served: target, decoded: decodeHere(reading, target) };
  }
  const target = moveTo(reading, decoded);
  if (target === served) return { served, decoded };
  return { served: target, decoded: decodeHere(reading, target) };
}

/** As `readHere`, in a thread. */
async function readApart(reading: Reading): Promise<ReadSimple> {
  const { served } = reading;
  let decoded: SimpleRequest;
  try {
    decoded = await decodeApart(reading, served);
  } catch (thrown) {
    const target = moveTo(reading, await namedApart(reading));
    if (target === served) throw thrown;
    return { served: target, decoded: await decodeApart(reading, target) };
  }
  const target = moveTo(reading, decoded);
  if (target === served) return { served, decoded };
  return { served: target, decoded: await decodeApart(reading, target) };
}

function decodeHere({ service, call, rules }: Reading, served: ServedVersion): SimpleRequest {
  const { plan, limits } = simpleServing(served, service.limits.jsonDepthMax);
  return decodeSimple(call.body, plan, { ...rules, limits });
}

function decodeApart(reading: Reading, served: ServedVersion): Promise<SimpleRequest> {
  const { service, thread, call, rules } = reading;
  const { plan, limits } = simpleServing(served, service.limits.jsonDepthMax);
  const { body: bytes, cancellation } = call;
  return thread.decode({ bytes, plan, rules: { ...rules, limits }, cancellation });
}

/** Books the request on the version that its body names; that of `reading` where it names none. */
function moveTo(reading: Reading, names: NamesOf): ServedVersion {
  const { service, call, wanted, served } = reading;
  const { modelName, modelVersion } = names;
  if (modelName === undefined && modelVersion === undefined) return served;
  leaveVersion(call);
  const target = service.find(modelName ?? served.model, modelVersion ?? wanted.version);
  beginOn(call, target);
  return target;
}

type NamesOf = Pick<SimpleRequest, "modelName" | "modelVersion">;

/** What names the model before the body is read: its place outside, or that it is the only one. */
function knownWanted(service: Service, call: Call): Wanted {
  const outside = namedOutside(call);
  if (outside.model !== undefined) return outside;
  return { model: service.onlyModel, version: outside.version };
}

/** What the body itself names, where nothing else does. */
function namedWanted(outside: Wanted, inside: NamesOf): Wanted {
  return { model: inside.modelName, version: inside.modelVersion ?? outside.version };
}

/** What the query and the headers of a request name. */
export function namedOutside(call: Call): Wanted {
  const { headers } = call;
  let model: string | undefined = headers.model === "" ? undefined : headers.model;
  let version: string | undefined = headers.modelVersion === "" ? undefined : headers.modelVersion;
  if (call.queryText !== "") {
    model = call.query.get("model") ?? model;
    version = call.query.get("model_version") ?? version;
  }
  return { model, version };
}

/** The names in a body that could not be read by a plan; none where it is no JSON. */
function namedInside({ service, call }: Reading): NamesOf {
  try {
    return readNames(call.body, service.limits.jsonDepthMax);
  } catch {
    // What is wrong with the body was found by its plan already, which says it better.
    return noNames;
  }
}

/** As `namedInside`, in a thread. */
async function namedApart({ service, thread, call }: Reading): Promise<NamesOf> {
  const { jsonDepthMax } = service.limits;
  const { body: bytes, cancellation } = call;
  return await thread.names({ bytes, jsonDepthMax, cancellation }).catch(() => noNames);
}
