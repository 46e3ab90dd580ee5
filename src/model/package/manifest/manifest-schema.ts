/**
 * The schema of `model.yaml`: what a package may say about its model.
 *
 * One strict schema gives the types, the checks, the JSON Schema for editors and the reference
 * page, so each field carries its description, unit and the release it came with. All keys are
 * optional: a model file alone is a package. What the keys mean together with the artifact is
 * decided in `merge-signature.ts`.
 */
import { z } from "zod";
import { limitTable } from "../../../base/index.ts";
import { type Dtype, dtypeTable } from "../../../tensor/index.ts";
import { isModelName, isVersion, nameLengthMax, namePattern } from "../identity.ts";
import { runCeilings } from "../run-settings.ts";

const since = "0.1.0";

/** Columns of one input, labels of one output, keys of `metadata` at most. */
const columnsMax = 10_000;
const labelsMax = 100_000;
const metadataKeysMax = 100;
const textLengthMax = 10_000;

/** A relative path inside the package, with `/`. */
function isPackagePath(text: string): boolean {
  if (text === "" || text.startsWith("/") || text.includes("\\") || text.includes("\0"))
    return false;
  return text.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

const packagePath = z
  .string()
  .max(255)
  .refine(isPackagePath, { error: "expected a relative path inside the package, with '/'" });

const bound = z.number();
const lengthBound = z
  .int()
  .min(0)
  .max(2 ** 31);
const columnDtypes = Object.keys(dtypeTable).filter(
  (dtype) => dtype !== "BYTES" && dtype !== "FP16" && dtype !== "BF16",
) as Dtype[];

const columnSchema = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(nameLengthMax)
    .meta({ description: "Name of the field in requests.", since }),
  dtype: z.enum(columnDtypes).optional().meta({
    description: "What callers may send: integers refuse fractions. Default: that of the tensor.",
    since,
  }),
  min: bound.optional().meta({ description: "Smallest value that is let in.", since }),
  max: bound.optional().meta({ description: "Largest value that is let in.", since }),
  default: z
    .union([z.number(), z.boolean()], { error: "expected a number, true or false" })
    .optional()
    .meta({
      description: "Used when the field is absent; without it the field is required.",
      since,
    }),
});

const inputSchema = z.strictObject({
  columns: z.array(columnSchema).min(1).max(columnsMax).optional().meta({
    description: "Named fields in tensor order, for a numeric input of shape [items, columns].",
    since,
  }),
  min: bound
    .optional()
    .meta({ description: "Smallest value of any element of a numeric input.", since }),
  max: bound
    .optional()
    .meta({ description: "Largest value of any element of a numeric input.", since }),
  lengthMin: lengthBound.optional().meta({
    description: "Shortest text of a BYTES input, counted as sent.",
    unit: "character",
    since,
  }),
  lengthMax: lengthBound.optional().meta({
    description: "Longest text of a BYTES input, counted as sent.",
    unit: "character",
    since,
  }),
  steps: z
    .array(z.enum(["trim", "lowercase", "collapse-space"]))
    .max(8)
    .optional()
    .meta({ description: "Steps on the text of a BYTES input, in this order.", since }),
});

const labelSchema = z.union([z.string().max(1_000), z.int()], {
  error: "expected a string or a whole number below 2^53",
});

const outputSchema = z.strictObject({
  role: z.enum(["prediction", "probability", "other"]).optional().meta({
    description: "`prediction`: a label or number an item; `probability`: scores per class.",
    since,
  }),
  labels: z.array(labelSchema).min(1).max(labelsMax).optional().meta({
    description: "Class labels in the order of the output's last dimension.",
    since,
  }),
});

const batchingSchema = z.strictObject({
  policy: z.enum(["greedy"]).default("greedy").meta({
    description: "When a batch leaves: as soon as a worker is free and `delayMsMax` allows.",
    since,
  }),
  itemsMax: z
    .int()
    .min(1)
    .max(runCeilings.itemsMax)
    .default(32)
    .meta({ description: "Largest batch; 1 turns batching off.", unit: "item", since }),
  delayMsMax: z.number().min(0).max(runCeilings.delayMsMax).default(0).meta({
    description: "Longest wait for company.",
    unit: "ms",
    since,
  }),
});

/** How many copies of a model are loaded, in a package and in the server's configuration. */
export const instancesSchema = z.union(
  [z.int().min(1).max(runCeilings.instances), z.literal("auto")],
  { error: `expected a whole number from 1 to ${runCeilings.instances}, or auto` },
);

type ModelLimit = "requestItemsMax" | "deadlineMsDefault" | "queueItemsMax" | "batchWallMsMax";

function limitSchema(name: ModelLimit, description: string) {
  const { min, max, unit } = limitTable[name];
  const ceiling = name === "deadlineMsDefault" ? "deadlineMsMax" : name;
  const text =
    `${description} At most the server's \`limits.${ceiling}\`. ` +
    `Default: the server's \`limits.${name}\`.`;
  return z.int().min(min).max(max).optional().meta({ description: text, unit, since });
}

const deadlineSchema = limitSchema("deadlineMsDefault", "Deadline of a request that names none.");

const limitsSchema = z.strictObject({
  requestItemsMax: limitSchema("requestItemsMax", "Items of one request."),
  deadlineMsDefault: deadlineSchema,
  queueItemsMax: limitSchema("queueItemsMax", "Items that may wait for this model."),
  batchWallMsMax: limitSchema("batchWallMsMax", "One run of the engine; then it is killed."),
});

const versionError = { error: "expected a SemVer such as 1.2.0 or a whole number" };
const metadataError = { error: "expected a string, a number, true, false, null or a list of them" };
const metadataScalar = z.union([z.string(), z.number(), z.boolean(), z.null()], metadataError);
const metadataValue = z.union([metadataScalar, z.array(metadataScalar)], metadataError);

export const manifestSchema = z
  .strictObject({
    name: z
      .string()
      .refine(isModelName, { error: `expected a name of the form ${namePattern}` })
      .optional()
      .meta({ description: "Name of the model.", pattern: namePattern, since }),
    version: z
      .union([z.int().min(0), z.string().refine(isVersion, versionError)], versionError)
      .transform(String)
      .optional()
      .meta({ description: "Version of the model: SemVer or a whole number.", since }),
    artifact: packagePath
      .optional()
      .meta({ description: "The model file. Default: `model.onnx`, or the only one.", since }),
    description: z
      .string()
      .max(textLengthMax)
      .optional()
      .meta({ description: "What the model does, for people.", since }),
    inputs: z
      .record(z.string(), inputSchema)
      .default({})
      .meta({ description: "What is said about an input of the artifact, by its name.", since }),
    outputs: z
      .record(z.string(), outputSchema)
      .default({})
      .meta({ description: "What is said about an output of the artifact, by its name.", since }),
    batching: batchingSchema
      .prefault({})
      .meta({ description: "How requests share a run of the engine.", since }),
    isolation: z
      .enum(["process", "inline"])
      .default("process")
      .meta({ description: "Where the engine runs: in a child process, or in the server.", since }),
    instances: instancesSchema.default(1).meta({
      description: "Loaded copies; `auto` uses the cores that the server leaves.",
      unit: "instance",
      since,
    }),
    threads: z
      .int()
      .min(1)
      .max(256)
      .default(1)
      .meta({ description: "Threads of one run of the engine.", unit: "thread", since }),
    workers: z
      .strictObject({
        share: z
          .boolean()
          .default(false)
          .meta({ description: "Run in a worker process with other models that say so.", since }),
      })
      .prefault({})
      .meta({ description: "The worker processes of this model.", since }),
    warmup: z
      .strictObject({
        runs: z
          .int()
          .min(0)
          .max(1_000)
          .default(3)
          .meta({ description: "Runs before the version is ready.", unit: "run", since }),
      })
      .prefault({})
      .meta({ description: "What is run before the version takes requests.", since }),
    deadlineMsDefault: deadlineSchema,
    limits: limitsSchema
      .prefault({})
      .meta({ description: "Limits of this model where they differ from the server's.", since }),
    samples: packagePath.optional().meta({
      description: "Requests with expected answers, one JSON object a line.",
      since,
    }),
    metadata: z
      .record(z.string().max(nameLengthMax), metadataValue)
      .refine((entries) => Object.keys(entries).length <= metadataKeysMax, {
        error: `expected at most ${metadataKeysMax} keys`,
      })
      .default({})
      .meta({ description: "Anything worth knowing, shown with the model.", since }),
  })
  .meta({ id: "model", title: "model.yaml", description: "A model package of Millrace." });

/** What `model.yaml` says, with defaults filled in. */
export type Manifest = z.infer<typeof manifestSchema>;
