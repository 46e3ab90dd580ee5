/** Interim until the parsing thread lands: reads on the loop. */
import type { Limits } from "../../../base/index.ts";
import { type DecodeRules, decodeSimple, type SimpleRequest } from "./decode.ts";
import type { SimplePlan } from "./plan.ts";

export interface ParseThread {
  decode(job: { bytes: Buffer; plan: SimplePlan; rules: DecodeRules }): Promise<SimpleRequest>;
  close(): Promise<void>;
}

export function createParseThread(_limits: Limits): ParseThread {
  return {
    decode: async ({ bytes, plan, rules }) => decodeSimple(bytes, plan, rules),
    close: async () => {},
  };
}
