/**
 * What the fields of a header block say of a request, and whether they may say so (RFC 9113, 8.3).
 */
import type { RequestHead } from "./call-headers.ts";
import type { HeaderList } from "./header-decoder.ts";

/** Static: what a request has to name. */
const wanted = [":method", ":scheme", ":path"];
/** Static: what it may name. */
const allowed: ReadonlySet<string> = new Set([...wanted, ":authority"]);

/** Made once for each list. */
export function headOf(list: HeaderList): RequestHead {
  list.head ??= makeHead(list);
  return list.head;
}

function makeHead({ fields, bytes, pairs }: HeaderList): RequestHead {
  const headers: { [name: string]: string | undefined } = Object.create(null);
  let isFit = true;
  let isBehindPseudo = false;
  for (const { name, value, isFit: isFieldFit } of fields) {
    const isPseudo = name.startsWith(":");
    const known = headers[name];
    if (isPseudo) isFit &&= allowed.has(name) && known === undefined && !isBehindPseudo;
    else isBehindPseudo = true;
    isFit &&= isFieldFit;
    headers[name] = known === undefined ? value : `${known}, ${value}`;
  }
  const isCut = fields.length < pairs;
  if (headers[":method"] === "CONNECT") isFit &&= headers[":authority"] !== undefined;
  else isFit &&= isCut || wanted.every((name) => (headers[name] ?? "") !== "");
  const contentBytes = lengthOf(headers["content-length"]);
  return {
    headers,
    bytes,
    pairs,
    isFit: isFit && contentBytes !== undefined,
    contentBytes: contentBytes ?? -1,
  };
}

/** -1 when nothing is said, `undefined` when it is no length. */
function lengthOf(text: string | undefined): number | undefined {
  if (text === undefined) return -1;
  if (text === "") return undefined;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 48 || code > 57) return undefined;
  }
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** True for fields that may follow a body. */
export function areTrailers({ fields }: HeaderList): boolean {
  return fields.every(({ name, isFit }) => isFit && !name.startsWith(":"));
}
