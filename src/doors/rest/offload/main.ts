/**
 * What the parsing threads of the REST door run; started by path.
 *
 * Knows bytes, plans and limits, and nothing of models, exchanges or HTTP.
 */
import {
  type OipLimits,
  type OipReply,
  readOipRequest,
  serveOffload,
  writeOipReply,
} from "../../../tensor/index.ts";
import { type DecodeRules, decodeSimple } from "../simple/decode.ts";
import type { SimplePlan } from "../simple/plan.ts";

interface SimpleJob {
  readonly bytes: Uint8Array;
  readonly plan: SimplePlan;
  readonly rules: DecodeRules;
}

interface OipJob {
  readonly bytes: Uint8Array;
  readonly limits: OipLimits;
}

serveOffload({
  decodeSimple(payload) {
    const { bytes, plan, rules } = payload as SimpleJob;
    const { buffer, byteOffset, byteLength } = bytes;
    return decodeSimple(Buffer.from(buffer, byteOffset, byteLength), plan, rules);
  },
  readOip(payload) {
    const { bytes, limits } = payload as OipJob;
    return readOipRequest(bytes, limits);
  },
  writeOip(payload) {
    const { text, parts } = writeOipReply(payload as OipReply);
    return { text: Buffer.from(text), parts };
  },
});
