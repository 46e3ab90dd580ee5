/**
 * The part of Triton's ModelConfig that says how a model is run, as JSON: what a caller may send
 * along with a load. Numbers may be text, as JSON of protobuf has them.
 * @see Triton's user guide, "Model Configuration"
 */
import { z } from "zod";
import { issueText } from "../../schema-words.ts";
import { keyText } from "../manifest/problem-list.ts";
import { type RunSettings, runCeilings } from "../run-settings.ts";

/** `JSON.parse` of 12 and of "12" both mean 12, and null means what is not there. */
function whole(max: number) {
  return z.preprocess((value) => {
    const isText = typeof value === "string" && String(Number(value)) === value;
    return isText ? Number(value) : (value ?? undefined);
  }, z.int().min(0).max(max).optional());
}

const { itemsMax, delayMsMax, instances } = runCeilings;

const batcherSchema = z.looseObject({ max_queue_delay_microseconds: whole(delayMsMax * 1000) });

const groupSchema = z.looseObject({
  name: z.string().nullish(),
  kind: z.enum(["KIND_AUTO", "KIND_CPU", "KIND_MODEL"]).nullish(),
  count: whole(instances),
});

const groupsSchema = z
  .array(groupSchema)
  .max(instances)
  .refine((groups) => instancesOf(groups) <= instances, {
    error: `expected at most ${instances} instances in all groups`,
  });

const runSchema = z.looseObject({
  max_batch_size: whole(itemsMax),
  dynamic_batching: batcherSchema.nullish(),
  instance_group: groupsSchema.nullish(),
});

/** The members that are settings. */
export const runConfigMembers: readonly string[] = Object.keys(runSchema.shape);

type Groups = readonly { readonly count?: number | undefined }[];

/** None said, and 0, is one. */
function instancesOf(groups: Groups): number {
  return groups.reduce((sum, { count = 0 }) => sum + Math.max(1, count), 0);
}

/** What a ModelConfig says. */
export interface RunConfig {
  readonly settings: RunSettings;
  /**
   * What is no setting, by the name of its member (`dynamic_batching.preserve_ordering`). A
   * `max_batch_size` of 0 is here: it says that the artifact's shapes have no item dimension.
   */
  readonly rest: ReadonlyMap<string, unknown>;
}

/** What is wrong. */
export interface RunConfigFault {
  /** `instance_group[0].count`; empty for the whole. */
  readonly member: string;
  readonly wrong: string;
}

/** Reads a parsed ModelConfig, up to its first fault. */
export function readRunConfig(config: unknown): RunConfig | RunConfigFault {
  const parsed = runSchema.safeParse(config, { reportInput: true });
  if (!parsed.success) {
    const issue = parsed.error.issues[0] as z.core.$ZodIssue;
    const path = issue.path.filter((key) => typeof key !== "symbol");
    return { member: keyText(path), wrong: issueText(issue, issue.input) };
  }
  const { max_batch_size: items, dynamic_batching, instance_group, ...others } = parsed.data;
  const { max_queue_delay_microseconds: delayUs, ...batcher } = dynamic_batching ?? {};
  const groups = instance_group ?? [];
  const settings = {
    itemsMax: items === 0 ? undefined : items,
    delayMsMax: delayUs === undefined ? undefined : delayUs / 1000,
    instances: groups.length === 0 ? undefined : instancesOf(groups),
  };
  // As many entries as the configuration has members.
  const rest = new Map<string, unknown>(Object.entries(others));
  if (items === 0) rest.set("max_batch_size", 0);
  for (const [name, value] of Object.entries(batcher)) rest.set(`dynamic_batching.${name}`, value);
  groups.forEach(({ name: _, kind: __, count: ___, ...group }, at) => {
    for (const [name, value] of Object.entries(group)) {
      rest.set(`instance_group[${at}].${name}`, value);
    }
  });
  return { settings, rest };
}
