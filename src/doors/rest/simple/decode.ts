/**
 * Reads a body of the simple dialect in one pass, whatever its form (`docs/reference/rest.md`).
 *
 * The form is known by the first key that names one: `input_data` (call), `instances`, `text` or
 * `texts`, `features` (array or object), or the model's own field names. Values go straight into
 * typed arrays. With `isTolerant` a faulty row is noted and its neighbours go on; otherwise it ends
 * the reading. Runs in a parsing thread too, so it knows plans and bytes and nothing else.
 */
import { didYouMean, quote, ServingError } from "../../../base/index.ts";
import type { SimplePlan } from "../../../service/index.ts";
import { JsonReader, type Tensor } from "../../../tensor/index.ts";
import { type RowLimits, type RowPlace, wrongKind } from "./input-rows.ts";
import { readMessageId } from "./message-id.ts";
import { emptyBody } from "./names.ts";
import type { SimpleForm } from "./reply.ts";
import { RowReader } from "./row-reader.ts";

export interface DecodeLimits extends RowLimits {
  readonly jsonDepthMax: number;
  readonly requestItemsMax: number;
}

export interface DecodeRules {
  readonly limits: DecodeLimits;
  /** Faulty rows are noted instead of ending the request. */
  readonly isTolerant: boolean;
  /** The key `id` names the request, even where the model has a field of that name. */
  readonly hasId?: true;
}

export interface RowFault {
  readonly index: number;
  readonly error: ServingError;
}

export interface SimpleRequest {
  readonly form: SimpleForm;
  readonly modelName: string | undefined;
  readonly modelVersion: string | undefined;
  readonly batchId: string | undefined;
  /** As JSON, to be repeated in the reply; only where the rules ask for it. */
  readonly id: string | undefined;
  /** In the order of the plan's inputs. */
  readonly tensors: readonly (Tensor | undefined)[];
  /** Rows in the tensors. */
  readonly items: number;
  /** What holds the rows in the body (`instances`), for messages about their values. */
  readonly field: string;
  /** The list index of each row, when some were faulty; else `undefined`. */
  readonly indexes: readonly number[] | undefined;
  readonly faults: readonly RowFault[];
  /** The texts of a stream, echoed in its lines. */
  readonly texts: readonly string[] | undefined;
}

const openBrace = 0x7b;

/**
 * @throws INVALID_REQUEST broken JSON or an envelope of no known form
 * @throws INVALID_INPUT a value that does not fit the model
 * @throws LIMIT_EXCEEDED too many rows, elements, bytes or levels
 */
export function decodeSimple(bytes: Buffer, plan: SimplePlan, rules: DecodeRules): SimpleRequest {
  const reader = new JsonReader(bytes, rules.limits.jsonDepthMax);
  const decoder = new Decoder(reader, plan, rules);
  if (reader.peekByte() !== openBrace) {
    if (reader.at === bytes.length) throw emptyBody(wantedKeys(plan));
    throw new ServingError(
      "INVALID_REQUEST",
      `the body is ${reader.shownNext()}, expected an object`,
    );
  }
  decoder.readBody();
  reader.end();
  return decoder.finish();
}

class Decoder {
  readonly #reader: JsonReader;
  readonly #plan: SimplePlan;
  readonly #rules: DecodeRules;
  #form: SimpleForm | undefined;
  #rows: RowReader | undefined;
  #field = "";
  #modelName: string | undefined;
  #modelVersion: string | undefined;
  #batchId: string | undefined;
  #id: string | undefined;
  #texts: string[] | undefined;
  /** At most `requestItemsMax`. */
  readonly #faults: RowFault[] = [];
  #indexes: number[] | undefined;
  #unknownKey: string | undefined;

  constructor(reader: JsonReader, plan: SimplePlan, rules: DecodeRules) {
    this.#reader = reader;
    this.#plan = plan;
    this.#rules = rules;
  }

  readBody(): void {
    const reader = this.#reader;
    reader.enterObject();
    while (reader.nextMember()) this.#readMember();
    if (this.#form === "fields") {
      this.#rows?.endFields(bareRow, this.#unknownKey);
      if (this.#rows !== undefined) this.#rows.rows += 1;
      this.#refuseUnknown();
    }
  }

  finish(): SimpleRequest {
    if (this.#form === undefined || this.#rows === undefined) throw this.#noForm();
    return {
      form: this.#form,
      modelName: this.#modelName,
      modelVersion: this.#modelVersion,
      batchId: this.#batchId,
      id: this.#id,
      tensors: this.#rows.take(),
      items: this.#rows.rows,
      field: this.#field,
      indexes: this.#faults.length === 0 ? undefined : this.#indexes,
      faults: this.#faults,
      texts: this.#texts,
    };
  }

  #readMember(): void {
    const reader = this.#reader;
    const isOpen = this.#form === undefined;
    if (this.#rules.hasId === true && reader.isKey("id")) this.#id = readMessageId(reader);
    else if (isOpen && reader.isKey("features")) this.#readFeatures();
    else if (isOpen && reader.isKey("instances")) this.#readRows("instances", "instances");
    else if (isOpen && reader.isKey("input_data")) this.#readRows("call", "input_data");
    else if (isOpen && this.#plan.kind === "text" && reader.isKey("text")) this.#readText();
    else if (isOpen && this.#plan.kind === "text" && reader.isKey("texts")) this.#readTexts();
    else if (this.#isField()) return;
    else if (reader.isKey("model_name")) this.#modelName = this.#name("model_name");
    else if (reader.isKey("model_version")) this.#modelVersion = this.#name("model_version");
    else if (reader.isKey("batch_id")) this.#batchId = this.#name("batch_id");
    else {
      const { kind } = this.#plan;
      const keys = kind === "text" ? textFormKeys : formKeys;
      if (keys.includes(reader.keyText())) this.#refuseForm(reader.keyText());
      this.#unknownKey ??= reader.keyText();
      reader.skipValue();
    }
  }

  #readFeatures(): void {
    const isObject = this.#reader.peekByte() === openBrace;
    const rows = this.#open(isObject ? "object" : "array", "features");
    rows.readRow(this.#reader, { field: "features", index: -1 });
  }

  #readText(): void {
    this.#open("text", "text").readRow(this.#reader, { field: "text", index: -1 });
  }

  #readTexts(): void {
    const texts: string[] = [];
    const mark = this.#reader.rewind(this.#reader.at);
    if (this.#reader.peek() === "array") {
      this.#reader.enterArray();
      while (this.#reader.nextElement()) {
        const isText = this.#reader.peek() === "string";
        if (isText) texts.push(this.#reader.readString());
        else {
          texts.push("");
          this.#reader.skipValue();
        }
      }
    }
    this.#reader.resume(mark);
    this.#texts = texts;
    this.#readRows("text", "texts");
  }

  /** Takes the member when it is one of the model's fields in the body itself (form `fields`). */
  #isField(): boolean {
    if (this.#form !== undefined && this.#form !== "fields") return false;
    if (this.#plan.fieldNames.length === 0) return false;
    const isFirst = this.#rows === undefined;
    const rows = this.#rows ?? new RowReader(this.#plan, this.#rules.limits, "");
    if (isFirst) {
      if (!this.#plan.fieldNames.includes(this.#reader.keyText())) return false;
      this.#rows = rows;
      this.#form = "fields";
      rows.beginFields(this.#reader);
    }
    return rows.takeField(this.#reader, bareRow);
  }

  #open(form: SimpleForm, field: string): RowReader {
    this.#form = form;
    this.#field = field;
    this.#rows = new RowReader(this.#plan, this.#rules.limits, field);
    return this.#rows;
  }

  #readRows(form: SimpleForm, field: string): void {
    const reader = this.#reader;
    const rows = this.#open(form, field);
    if (reader.peek() !== "array") throw wrongKind(reader, field, "a list of rows");
    reader.enterArray();
    const { requestItemsMax } = this.#rules.limits;
    for (let index = 0; reader.nextElement(); index += 1) {
      if (index >= requestItemsMax) {
        const message = `${field}: more than ${requestItemsMax} rows (requestItemsMax)`;
        throw new ServingError("LIMIT_EXCEEDED", message, { field, limit: "requestItemsMax" });
      }
      const place = { field, index };
      if (this.#rules.isTolerant) this.#readTolerantly(rows, place);
      else rows.readRow(reader, place);
    }
  }

  #readTolerantly(rows: RowReader, place: RowPlace): void {
    const reader = this.#reader;
    const mark = reader.rewind(reader.at);
    try {
      rows.readRow(reader, place);
      if (this.#indexes === undefined) this.#indexes = [];
      this.#indexes.push(place.index);
    } catch (thrown) {
      const error = ServingError.from(thrown);
      if (error.code !== "INVALID_INPUT" && error.code !== "LIMIT_EXCEEDED") throw error;
      rows.undo();
      reader.resume(mark);
      reader.skipValue();
      this.#faults.push({ index: place.index, error });
    }
  }

  #name(field: string): string | undefined {
    const reader = this.#reader;
    const kind = reader.peek();
    if (kind === "null") {
      reader.readNull();
      return undefined;
    }
    if (kind !== "string") throw wrongKind(reader, field, "a string");
    return reader.readString();
  }

  #refuseUnknown(): void {
    const key = this.#unknownKey;
    if (key === undefined) return;
    const names = this.#plan.fieldNames;
    const meant = didYouMean(key, names);
    const message = `unknown field ${quote(key)}, expected ${names.join(", ")}${meant}`;
    throw new ServingError("INVALID_INPUT", message, { field: quote(key).slice(1, -1) });
  }

  /** The body has its form, and `key` names one too: one of the two would not be answered. */
  #refuseForm(key: string): void {
    if (this.#form === undefined) return;
    const first = this.#field === "" ? "the fields of the model" : `'${this.#field}'`;
    const message =
      key === this.#field
        ? `'${key}': given twice, expected once`
        : `'${key}': not beside ${first}, expected one of the two`;
    throw new ServingError("INVALID_REQUEST", message, { field: key });
  }

  #noForm(): ServingError {
    const wanted = this.#plan.kind === "text" ? "text" : "features";
    const message = `Missing '${wanted}' in request: expected ${wantedKeys(this.#plan)}`;
    return new ServingError("INVALID_INPUT", message, { field: wanted });
  }
}

const bareRow: RowPlace = { field: "", index: -1 };

/** The keys that name a form. */
const formKeys: readonly string[] = ["features", "instances", "input_data"];
const textFormKeys: readonly string[] = [...formKeys, "text", "texts"];

/** What a body may hold, for messages. */
function wantedKeys({ kind, fieldNames }: SimplePlan): string {
  const fields = fieldNames.length === 0 ? "" : `, or the fields ${fieldNames.join(", ")}`;
  if (kind === "text") return `'text'${fields}`;
  return `'features', 'instances' or 'input_data'${fields}`;
}
