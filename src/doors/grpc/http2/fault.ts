/**
 * What ends a connection or a stream of HTTP/2, by the protocol's own codes (RFC 9113, section 7).
 */

export const errorCode = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refused: 7,
  cancel: 8,
  compression: 9,
  calm: 11,
} as const;

/** The caller broke a rule of the protocol: its whole connection ends with this code. */
export class ConnectionFault extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** A rule that was broken. */
export function fault(message: string): ConnectionFault {
  return new ConnectionFault(errorCode.protocol, message);
}

/** A rule that was broken. */
export function insideBlock(): ConnectionFault {
  return fault("a frame inside a header block, or a CONTINUATION outside one");
}

/** A rule that was broken. */
export function streamClosed(): ConnectionFault {
  return new ConnectionFault(errorCode.streamClosed, "headers on a stream that has ended");
}

/** A rule that was broken. */
export function frameSize(): ConnectionFault {
  return new ConnectionFault(errorCode.frameSize, "a frame of the wrong size");
}
