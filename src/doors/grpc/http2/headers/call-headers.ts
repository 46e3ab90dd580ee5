/**
 * The header fields of a call, read and judged.
 */

/** Fields by name in lower case; no prototype. Several of one name are joined by `, `. */
export type CallHeaders = { readonly [name: string]: string | undefined };

export interface RequestHead {
  readonly headers: CallHeaders;
  /** Names and values of all fields, byte. */
  readonly bytes: number;
  /** Fields that were sent; more than `headerPairsMax` are not in `headers`. */
  readonly pairs: number;
  /** False when the protocol's rules are broken: the stream ends with an error. */
  readonly isFit: boolean;
  /** What `content-length` says; -1 when nothing. */
  readonly contentBytes: number;
}
