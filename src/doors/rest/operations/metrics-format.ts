/**
 * Which form of the metrics a caller wants, by its Accept header (RFC 9110, section 12.5.1).
 */

export type MetricsFormat = "prometheus" | "openmetrics" | "json";

interface Accepted {
  readonly type: string;
  readonly quality: number;
}

function parse(accept: string): Accepted[] {
  return accept.split(",").map((part) => {
    const [type = "", ...settings] = part.split(";").map((each) => each.trim().toLowerCase());
    const setting = settings.find((each) => each.startsWith("q="));
    return { type, quality: setting === undefined ? 1 : Number(setting.slice(2)) || 0 };
  });
}

/** @param asked the `format` of the query, or null */
export function chooseMetricsFormat(
  accept: string,
  asked: string | null,
  fallback: "text" | "json",
): MetricsFormat {
  if (asked === "json") return "json";
  if (asked === "text") return "prometheus";
  const accepted = parse(accept);
  const best = (isWanted: (type: string) => boolean): number =>
    Math.max(0, ...accepted.filter(({ type }) => isWanted(type)).map(({ quality }) => quality));
  const json = best((type) => type === "application/json");
  const open = best((type) => type === "application/openmetrics-text");
  const text = best((type) => type.startsWith("text/"));
  if (json > 0 && json >= Math.max(open, text)) return "json";
  if (open > 0 && open >= text) return "openmetrics";
  if (text > 0) return "prometheus";
  return fallback === "json" ? "json" : "prometheus";
}
