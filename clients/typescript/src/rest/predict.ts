/**
 * What is sent in the simple dialect: `POST /predict`.
 *
 * One row travels in the form that lets the server name the feature at fault; several travel as
 * instances. Model and version stand in the query, so no feature name can clash with theirs.
 */
import { writeJson } from "../json/write-json.ts";

/** `/predict?model=churn&model_version=1.2.0`, or another route of the dialect. */
export function simplePath(route: string, model: string, version: string | undefined): string {
  const wanted = version === undefined ? "" : `&model_version=${encodeURIComponent(version)}`;
  return `${route}?model=${encodeURIComponent(model)}${wanted}`;
}

/**
 * True for a list of rows: every element is an object, a list or a text. A list with a number in it
 * is one row.
 */
export function isRows(given: unknown): given is readonly unknown[] {
  return Array.isArray(given) && given.every((each) => typeof each === "object" || isText(each));
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** The body for one row or several. @throws INVALID_INPUT */
export function predictBody(given: unknown): string {
  if (isRows(given)) return `{"instances":${writeJson(given, "instances")}}`;
  if (isText(given)) return `{"text":${JSON.stringify(given)}}`;
  return `{"features":${writeJson(given, "features")}}`;
}
