/**
 * Names and scalars in TypeScript.
 */

function isLetter(code: number): boolean {
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95 || code === 36;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** A property key: bare where it is an ASCII identifier, quoted otherwise. */
export function keyOf(name: string): string {
  const isBare =
    name !== "" &&
    !isDigit(name.charCodeAt(0)) &&
    [...name].every((each) => isLetter(each.charCodeAt(0)) || isDigit(each.charCodeAt(0)));
  return isBare ? name : JSON.stringify(name);
}

/** The type of one element in JSON: 64-bit integers may be beyond what a number holds. */
export function scalarType(datatype: string): string {
  if (datatype === "BYTES") return "string";
  if (datatype === "BOOL") return "boolean";
  return datatype === "INT64" || datatype === "UINT64" ? "number | bigint" : "number";
}
