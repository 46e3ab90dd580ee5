/**
 * Puts a caller's own word into a message without letting it do harm there.
 *
 * Names come from bodies of megabytes and may hold line breaks or terminal codes; a message shows
 * at most 64 characters of them, and control characters as `\uXXXX`.
 */

const shownMax = 64;

/** `'name'`, cut and with control characters escaped. */
export function quote(text: string): string {
  let shown = "";
  for (let index = 0; index < Math.min(text.length, shownMax); index += 1) {
    const code = text.charCodeAt(index);
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0);
    const isHalf = code >= 0xd800 && code < 0xe000;
    if (isControl) shown += `\\u${code.toString(16).padStart(4, "0")}`;
    else if (isHalf) shown += wholeCharacterAt(text, index);
    else shown += text[index];
  }
  return text.length > shownMax ? `'${shown}...'` : `'${shown}'`;
}

/** The pair at `index`, nothing at its second half, and U+FFFD for a half that stands alone. */
function wholeCharacterAt(text: string, index: number): string {
  const point = text.codePointAt(index) as number;
  if (point > 0xffff) return String.fromCodePoint(point);
  const before = index === 0 ? 0 : text.charCodeAt(index - 1);
  const isSecondHalf = point >= 0xdc00 && before >= 0xd800 && before < 0xdc00;
  return isSecondHalf ? "" : "\ufffd";
}
