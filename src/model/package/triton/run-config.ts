/**
 * The part of Triton's ModelConfig that says how a model is run, as JSON: what a caller may send
 * along with a load. Numbers may be text, as JSON of protobuf has them.
 * @see Triton's user guide, "Model Configuration"
 */
import { z } from "zod";
import { issueText } from "../../schema-words.ts";
import { keyText } from "../manifest/problem-list.ts";
import { type RunSettings, runCeilings } from "../run-settings.ts";

/** `JSON.parse` of 12 and of "12" both mean 12. */
function whole(min: number, max: number) {
  return z.preprocess((value) => {
    const isText = typeof value === "string" && String(Number(value)) === value;
    return isText ? Number(value) : value;
  }, z.int().min(min).max(max).optional());
}

const { itemsMax, delayMsMax, instances } = runCeilings;

const batcherSchema = z.object({ max_queue_delay_microseconds: whole(0, delayMsMax * 1000) });

const groupSchema = z.object({
  kind: z.enum(["KIND_AUTO", "KIND_CPU", "KIND_MODEL"]).optional(),
  count: whole(1, instances),
});

const groupsSchema = z
  .array(groupSchema)
  .max(instances)
  .refine((groups) => instancesOf(groups) <= instances, {
    error: `expected at most ${instances} instances in all groups`,
  });

const runSchema = z.object({
  max_batch_size: whole(0, itemsMax),
  dynamic_batching: batcherSchema.optional(),
  instance_group: groupsSchema.optional(),
});

/** Whether a member is a setting; the others say what the model is. */
export function isRunConfigMember(name: string): boolean {
  return Object.hasOwn(runSchema.shape, name);
}

type Groups = readonly { readonly count?: number | undefined }[];

function instancesOf(groups: Groups): number {
  return groups.reduce((sum, { count }) => sum + (count ?? 1), 0);
}

/** What is wrong. */
export interface RunConfigFault {
  /** `instance_group[0].count`; empty for the whole. */
  readonly member: string;
  readonly wrong: string;
}

/**
 * The settings of a parsed ModelConfig, or its first fault. Other members are passed over, and so
 * is `max_batch_size: 0`, which says that the artifact's shapes have no item dimension.
 */
export function readRunConfig(config: unknown): RunSettings | RunConfigFault {
  const parsed = runSchema.safeParse(config, { reportInput: true });
  if (!parsed.success) {
    const issue = parsed.error.issues[0] as z.core.$ZodIssue;
    const path = issue.path.filter((key) => typeof key !== "symbol");
    return { member: keyText(path), wrong: issueText(issue, issue.input) };
  }
  const { max_batch_size: items, dynamic_batching: batcher, instance_group } = parsed.data;
  const delayUs = batcher?.max_queue_delay_microseconds;
  const groups = instance_group ?? [];
  return {
    itemsMax: items === 0 ? undefined : items,
    delayMsMax: delayUs === undefined ? undefined : delayUs / 1000,
    instances: groups.length === 0 ? undefined : instancesOf(groups),
  };
}
