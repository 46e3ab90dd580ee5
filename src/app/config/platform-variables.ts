/**
 * The variables by which platforms tell a container where to listen and where its model lies.
 *
 * They stand between the file and our own variables: a platform says what it will call, so it wins
 * over a file in the image, and whoever sets a MILLRACE_ variable means it. A model's place that
 * this server cannot read is a problem only while nothing else names a model.
 */
import { quote } from "../../base/index.ts";
import type { GivenValue } from "./read-file.ts";
import { findSetting, valueOfText } from "./settings.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** SageMaker puts the model here and calls this port, unless it says otherwise. */
export const sagemakerFolder = "/opt/ml/model";
const sagemakerPort = 8_080;

/** Static: the setting behind each variable of SageMaker and Vertex AI. */
const variables: readonly (readonly [variable: string, setting: string])[] = [
  ["SAGEMAKER_BIND_TO_PORT", "server.port"],
  ["AIP_HTTP_PORT", "server.port"],
  ["AIP_HEALTH_ROUTE", "vertex.healthRoute"],
  ["AIP_PREDICT_ROUTE", "vertex.predictRoute"],
];

const storageVariable = "AIP_STORAGE_URI";

/** What the platform's variables set. */
export function readPlatform(environment: Environment): GivenValue[] {
  const given: GivenValue[] = [];
  for (const [variable, name] of variables) {
    const text = environment[variable];
    const setting = findSetting(name);
    if (text === undefined || text === "" || setting === undefined) continue;
    given.push({ setting: name, value: valueOfText(setting, text), origin: variable });
  }
  const path = localPath(environment[storageVariable] ?? "");
  if (path !== undefined) {
    given.push({ setting: "models.paths", value: [path], origin: storageVariable });
  }
  return given;
}

/** What holds where SageMaker has put a model and nothing else names one. */
export function sagemakerDefaults(): GivenValue[] {
  const origin = `the folder ${sagemakerFolder}`;
  return [
    { setting: "models.paths", value: [sagemakerFolder], origin },
    { setting: "server.port", value: sagemakerPort, origin },
  ];
}

/** Why the platform's model cannot be read, or `undefined`. */
export function storageProblem(environment: Environment): string | undefined {
  const uri = environment[storageVariable] ?? "";
  if (uri === "" || localPath(uri) !== undefined) return undefined;
  const wanted = "expected a folder: copy the model into the image or mount it, and name its path";
  return `${storageVariable}: ${quote(uri)} is not read by this server, ${wanted}`;
}

function localPath(uri: string): string | undefined {
  if (uri.startsWith("file:///")) return uri.slice("file://".length);
  return uri.startsWith("/") ? uri : undefined;
}
