/**
 * Sizes of the windows of HTTP/2 (RFC 9113, section 5.2), byte.
 */

/** What either side may take for granted. */
export const defaultWindowBytes = 65_535;
export const windowBytesMax = 2 ** 31 - 1;
/** What one stream may send ahead of being read. */
export const streamWindowBytes = 1024 * 1024;
/** What one connection may send ahead of being read. */
export const connectionWindowBytes = 4 * 1024 * 1024;
