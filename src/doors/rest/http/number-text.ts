/**
 * Milliseconds as text with up to three decimals, without `toFixed`.
 */

const thousandths: string[] = [];
for (let index = 0; index < 1000; index += 1) {
  let text = String(index).padStart(3, "0");
  while (text.endsWith("0")) text = text.slice(0, -1);
  thousandths.push(text === "" ? "" : `.${text}`);
}

/** `ms` rounded to the microsecond: 1.25 -> "1.25". Negative times are shown as 0. */
export function msText(ms: number): string {
  if (!(ms > 0)) return "0";
  const us = Math.round(ms * 1000);
  const whole = Math.floor(us / 1000);
  return `${whole}${thousandths[us - whole * 1000] ?? ""}`;
}
