/**
 * What the threads of the REST door run, which read and write large bodies; started by path.
 *
 * Knows bytes, plans, answers and limits, and nothing of models, exchanges or HTTP.
 */
import {
  type OipLimits,
  type OipReply,
  readOipRequest,
  serveOffload,
  writeOipReply,
} from "../../../tensor/index.ts";
import { chooseForm, type FormJob } from "../invocations/choose-form.ts";
import { decodeBody } from "../rows/decode-body.ts";
import type { RowsJob } from "../rows/rows-thread.ts";
import { decodeCalls, sliceCalls } from "../simple/batch/calls.ts";
import { type ColumnsJob, runColumnsJob } from "../simple/batch/write-columns.ts";
import { decodeSimple } from "../simple/decode.ts";
import { readNames } from "../simple/names.ts";
import type {
  DecodeCallsJob,
  NamesJob,
  ParseJob,
  SliceJob,
  WriteJob,
} from "../simple/parse-thread.ts";
import { replyText } from "../simple/reply.ts";
import { type TfsReply, writeTfsReply } from "../tfs/write-reply.ts";

interface OipJob {
  readonly bytes: Uint8Array;
  readonly limits: OipLimits;
}

/** A `Buffer` loses its class on the way. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

serveOffload({
  decodeSimple(payload) {
    const { bytes, plan, rules } = payload as ParseJob;
    return decodeSimple(asBuffer(bytes), plan, rules);
  },
  readNames(payload) {
    const { bytes, jsonDepthMax } = payload as NamesJob;
    return readNames(asBuffer(bytes), jsonDepthMax);
  },
  sliceCalls(payload) {
    const { bytes, limits } = payload as SliceJob;
    return sliceCalls(asBuffer(bytes), limits);
  },
  decodeCalls(payload) {
    const { bytes, calls, plans } = payload as DecodeCallsJob;
    return decodeCalls(asBuffer(bytes), calls, plans);
  },
  chooseForm(payload) {
    const { bytes, jsonDepthMax } = payload as FormJob;
    return chooseForm(asBuffer(bytes), jsonDepthMax);
  },
  decodeRows(payload) {
    const { bytes, plan, rules } = payload as RowsJob;
    return decodeBody(asBuffer(bytes), plan, rules);
  },
  readOip(payload) {
    const { bytes, limits } = payload as OipJob;
    return readOipRequest(bytes, limits);
  },
  writeSimple(payload) {
    const { answer, facts } = payload as WriteJob;
    return Buffer.from(replyText(answer, facts));
  },
  writeColumns(payload) {
    const { text, failed } = runColumnsJob(payload as ColumnsJob);
    return { bytes: Buffer.from(text), failed };
  },
  writeTfs(payload) {
    return Buffer.from(writeTfsReply(payload as TfsReply));
  },
  writeOip(payload) {
    const { text, parts } = writeOipReply(payload as OipReply);
    return { text: Buffer.from(text), parts };
  },
});
