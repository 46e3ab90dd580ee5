/**
 * One request and its one reply.
 *
 * Holds what a route needs (path parameters, query, headers, body, deadline, the way to notice that
 * the caller left) and the few ways to answer. Invariants: it is answered at most once; `finished`
 * runs exactly once, with the code of the answer, whatever happened. One file because each way to
 * answer turns on the same two facts: whether it is answered, and whether it is over.
 */
import {
  Cancellation,
  compress,
  type ErrorCode,
  errorTable,
  giveBackLarge,
  ServingError,
} from "../../../base/index.ts";
import type { RequestContext, StageTimes } from "../../../predict/index.ts";
import type { ServedVersion } from "../../../service/index.ts";
import { countResponse, type UnreadReplies } from "../../../transport/index.ts";
import type { ExchangeRequest, Reply, ReplyStream } from "./carrier.ts";
import { chooseEncoding, encodeBytesMin } from "./content-encoding.ts";
import { type Dialect, errorBody } from "./error-body.ts";
import type { RequestHeaders } from "./header-scan.ts";
import { keepAliveHeaders, type ReplyHead, sendReply, writeReplyHead } from "./reply-head.ts";

/** What all exchanges of one server have in common. */
export interface ExchangeSettings {
  readonly keepAliveS: number;
  readonly validationStatus: 400 | 422;
  /** Where what waits for its reader is counted. */
  readonly unread: UnreadReplies;
  nowMs(): number;
  wallMs(): number;
  /** Called once an exchange is over. */
  finished(exchange: Exchange, code: ErrorCode | "OK", error: ServingError | undefined): void;
}

/** Status and headers of an answer. */
export interface AnswerHead {
  readonly status: number;
  readonly contentType: string;
  /** Further header lines, each ended by CRLF, or "". */
  readonly lines: string;
  /** Never deflated, whatever the caller accepts. */
  readonly isPlain?: boolean;
}

export class Exchange implements RequestContext {
  readonly request: ExchangeRequest;
  readonly response: Reply;
  readonly settings: ExchangeSettings;
  readonly headers: RequestHeaders;
  readonly requestId: string;
  readonly cancellation = new Cancellation();
  readonly times: StageTimes;
  dialect: Dialect = "plain";
  parameters: readonly string[] = [];
  /** The part of the URL after `?`, or "". */
  queryText = "";
  body: Buffer = emptyBody;
  deadlineAtMs = Number.POSITIVE_INFINITY;
  priority = 0;
  /** The version it counts on, once known. */
  served: ServedVersion | undefined;
  items = 0;
  /** Head lines of every answer, each ended by CRLF. */
  headLines = "";
  /** True once it counts as work that a stop waits for. */
  isWork = false;
  /** When the answer's text was ready, in ms of the clock; 0 while it is not, or was not noted. */
  writtenAtMs = 0;
  #query: URLSearchParams | undefined;
  #isAnswered = false;
  #isOver = false;

  constructor(
    request: ExchangeRequest,
    response: Reply,
    shared: { settings: ExchangeSettings; headers: RequestHeaders; requestId: string },
  ) {
    this.request = request;
    this.response = response;
    this.settings = shared.settings;
    this.headers = shared.headers;
    this.requestId = shared.requestId;
    const arrivedAtMs = shared.settings.nowMs();
    this.times = {
      arrivedAtMs,
      decodedAtMs: arrivedAtMs,
      sentAtMs: 0,
      answeredAtMs: 0,
      runMs: 0,
      batchItems: 0,
    };
  }

  /** The caller named a deadline in a header. */
  get hasOwnDeadline(): boolean {
    return this.headers.timeoutMs !== "";
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  get query(): URLSearchParams {
    this.#query ??= new URLSearchParams(this.queryText);
    return this.#query;
  }

  /** Answers 200 with ready JSON text. `lines` are further head lines, each ended by CRLF. */
  replyJson(text: string, lines = ""): void {
    this.reply({ status: 200, contentType: "application/json", lines }, text);
  }

  /** Answers with text (UTF-8) or bytes; large answers are deflated for callers that accept it. */
  reply(head: AnswerHead, body: string | Buffer): void {
    if (!this.#claim() || this.#isRefused(body.length)) return;
    if (body.length < encodeBytesMin || head.isPlain === true) this.#write(head, body);
    else if (this.#encoding() === "") this.#write(varied(head), body);
    else {
      this.#encode(head, typeof body === "string" ? Buffer.from(body) : body);
      return;
    }
    this.#over("OK", undefined);
  }

  /**
   * Answers with bytes that lie in several places; they go out in one write, without a copy.
   * REQUIRES: nobody looks at them, or at the body of the request, afterwards.
   */
  replyParts(head: AnswerHead, parts: readonly Uint8Array[]): void {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    if (!this.#claim() || this.#isRefused(bytes)) return;
    if (this.#encoding() !== "") {
      this.#encode(head, Buffer.concat(parts));
      return;
    }
    this.#writeParts(varied(head), parts, bytes);
    this.response.onSent?.(() => {
      for (const part of parts) giveBackLarge(part);
      giveBackLarge(this.body);
    });
    this.#over("OK", undefined);
  }

  /** How a large answer is encoded; "" for as it is. */
  #encoding(): "gzip" | "deflate" | "" {
    if (this.request.method === "HEAD") return "";
    return chooseEncoding(this.headers.acceptEncoding);
  }

  /** Deflates an answer off the loop, then sends it. */
  #encode(head: AnswerHead, body: Buffer): void {
    const encoding = this.#encoding() === "deflate" ? "deflate" : "gzip";
    const lines = `${head.lines}content-encoding: ${encoding}\r\n`;
    compress(body, encoding).then(
      (encoded) => {
        // The caller may have left in the meantime.
        if (this.#isOver || this.#isRefused(encoded.length)) return;
        this.#write(varied({ ...head, lines }), encoded);
        this.#over("OK", undefined);
      },
      (thrown: unknown) => {
        this.#isAnswered = this.#isOver;
        this.fail(thrown);
      },
    );
  }

  /** Takes the response over for a stream; the route writes and ends it. */
  beginStream(head: { contentType: string; lines: string }): ReplyStream | undefined {
    if (!this.#claim()) return undefined;
    const headers = keepAliveHeaders(this.response, this.settings.keepAliveS);
    headers.push("content-type", head.contentType, "x-request-id", this.requestId);
    for (const line of (this.headLines + head.lines).split("\r\n")) {
      const colon = line.indexOf(": ");
      if (colon > 0) headers.push(line.slice(0, colon), line.slice(colon + 2));
    }
    // Without a listener one late write would end the server.
    this.response.on("error", () => this.callerLeft());
    this.response.writeHead(200, headers);
    return this.response;
  }

  /** Ends the books of a stream. */
  endStream(code: ErrorCode | "OK", error?: ServingError): void {
    this.#over(code, error);
  }

  /** Answers with an error in the dialect of the route. */
  fail(thrown: unknown): void {
    const error = ServingError.from(thrown);
    if (!this.#claim()) {
      this.#over(error.code, error);
      return;
    }
    const row = errorTable[error.code];
    const isValidation = error.code === "INVALID_INPUT" && this.dialect === "simple";
    const status = isValidation ? this.settings.validationStatus : row.http;
    let lines = `x-error-code: ${error.code}\r\n`;
    if (error.retryAfterS !== undefined && (status === 503 || status === 429)) {
      lines += `retry-after: ${Math.max(1, Math.ceil(error.retryAfterS))}\r\n`;
    }
    if (error.code === "METHOD_NOT_ALLOWED") lines += `allow: ${error.field ?? ""}\r\n`;
    const body = errorBody(error, this.requestId, this.dialect);
    if (!this.request.isBodyRead && hasBody(this.headers)) this.#leaveBody();
    this.#write({ status, contentType: "application/json", lines }, body);
    this.#over(error.code, error);
  }

  /** A body that is left unread is dropped; the connection ends with it unless it is short. */
  #leaveBody(): void {
    const { contentLength, transferEncoding } = this.headers;
    const isShort = transferEncoding === "" && Number(contentLength) <= dropBytesMax;
    if (!isShort) this.response.shouldKeepAlive = false;
    if (!this.response.shouldKeepAlive) this.request.closeAfterBody();
  }

  /** The caller's connection ended. */
  callerLeft(): void {
    if (this.#isOver) return;
    const error = new ServingError("CANCELLED", "the caller left");
    this.#isAnswered = true;
    this.cancellation.cancel(error);
    this.#over("CANCELLED", error);
  }

  /** True when there is no place for a reply of `bytes` and the caller was told so instead. */
  #isRefused(bytes: number): boolean {
    if (bytes < countedBytesMin) return false;
    const line = this.settings.unread.of(this.request.socket);
    if (line.admits(bytes)) return false;
    this.#isAnswered = false;
    this.fail(line.refusal(bytes));
    return true;
  }

  /** Counts a reply that was written until it is taken. */
  #count(bytes: number): void {
    if (bytes < countedBytesMin) return;
    countResponse(this.settings.unread.of(this.request.socket), this.response, bytes);
  }

  #claim(): boolean {
    if (this.#isAnswered) return false;
    this.#isAnswered = true;
    return true;
  }

  #over(code: ErrorCode | "OK", error: ServingError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.settings.finished(this, code, error);
  }

  #writeHead(head: AnswerHead, contentLength: number): void {
    writeReplyHead(this.response, this.#replyHead(head, contentLength));
  }

  #replyHead(head: AnswerHead, contentLength: number): ReplyHead {
    return {
      status: head.status,
      contentType: head.contentType,
      lines: `x-request-id: ${this.requestId}\r\n${this.headLines}${head.lines}`,
      contentLength,
      keepAliveS: this.settings.keepAliveS,
      nowMs: this.writtenAtMs === 0 ? this.settings.nowMs() : this.writtenAtMs,
      wallMs: this.settings.wallMs,
    };
  }

  /** @param contentLength bytes of all parts */
  #writeParts(head: AnswerHead, parts: readonly Uint8Array[], contentLength: number): void {
    this.#writeHead(head, contentLength);
    // Node corks the socket until the turn ends, so head and parts leave in one write.
    if (this.request.method !== "HEAD") for (const part of parts) this.response.write(part);
    this.response.end();
    this.#count(contentLength);
  }

  #write(head: AnswerHead, body: string | Buffer): void {
    if (typeof body === "string") {
      this.#writeText(head, body);
      return;
    }
    this.#writeHead(head, body.length);
    if (this.request.method === "HEAD") this.response.end();
    else this.response.end(body);
    this.#count(body.length);
  }

  #writeText(head: AnswerHead, text: string): void {
    const contentLength = Buffer.byteLength(text);
    // Text of as many bytes as characters is ASCII, which goes out without transcoding.
    const encoding = contentLength === text.length ? "latin1" : "utf8";
    const replyHead = this.#replyHead(head, contentLength);
    if (!sendReply(this.response, replyHead, { text, encoding })) {
      writeReplyHead(this.response, replyHead);
      if (this.request.method === "HEAD") this.response.end();
      else this.response.end(text, encoding);
    }
    this.#count(contentLength);
  }
}

/** The head of an answer whose encoding depends on the caller. */
function varied(head: AnswerHead): AnswerHead {
  return { ...head, lines: `${head.lines}vary: accept-encoding\r\n` };
}

/** Replies from here on count where they wait: smaller ones are as many as their requests. */
const countedBytesMin = 16 * 1024;

/** Bytes of a refused body that are read and dropped for the sake of the connection. */
const dropBytesMax = 64 * 1024;

const emptyBody = Buffer.alloc(0);

/** True when the headers announce a body. */
function hasBody({ contentLength, transferEncoding }: RequestHeaders): boolean {
  return transferEncoding !== "" || (contentLength !== "" && contentLength !== "0");
}
