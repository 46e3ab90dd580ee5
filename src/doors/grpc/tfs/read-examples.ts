/**
 * Reads the examples of a ClassificationRequest or RegressionRequest: where each feature's values
 * lie. Contract: proto/tensorflow_serving, proto/tensorflow/example.proto.
 *
 * Nothing is kept of an example but places, and of features only those that the model knows, so
 * many small examples cost little.
 */
import { didYouMean, type Limits, quote, ServingError } from "../../../base/index.ts";
import { nextPiece, type Piece } from "../wire/number-list.ts";
import { broken, WireReader, wire } from "../wire/reader.ts";

/** The examples of a request by their places in it. */
export interface ExamplePlaces {
  /** At most `requestItemsMax`. */
  readonly examples: readonly Piece[];
  /** What an example has of its features when it does not say so itself. */
  readonly context: Piece | undefined;
}

/** Keys of the fields: `number << 3 | 2`. */
const key = { one: 10, two: 18 } as const;

/** @throws INVALID_REQUEST, INVALID_INPUT (no input), LIMIT_EXCEEDED */
export function readExamples(
  bytes: Buffer,
  { requestItemsMax }: Pick<Limits, "requestItemsMax">,
): ExamplePlaces {
  const examples: Piece[] = [];
  let context: Piece | undefined;
  for (const input of piecesIn(bytes, wholeOf(bytes), key.two)) {
    for (const kind of [key.one, key.two]) {
      for (const list of piecesIn(bytes, input, kind)) {
        for (const example of piecesIn(bytes, list, key.one)) {
          if (examples.length >= requestItemsMax) throw tooMany(requestItemsMax);
          examples.push(example);
        }
        if (kind === key.two) for (const each of piecesIn(bytes, list, key.two)) context = each;
      }
    }
  }
  if (examples.length > 0) return { examples, context };
  throw new ServingError("INVALID_INPUT", "input: no examples, expected at least 1", {
    field: "input",
  });
}

function wholeOf(bytes: Buffer): Piece {
  return { at: 0, end: bytes.length };
}

/** The values of field `wanted` between the ends of a message. */
function* piecesIn(bytes: Buffer, { at, end }: Piece, wanted: number): Generator<Piece> {
  const reader = new WireReader(bytes, at, end);
  while (reader.hasMore) {
    const tag = reader.tag();
    if (tag === wanted) yield nextPiece(reader, tag);
    else reader.skip(tag);
  }
}

/** The list that a feature has, by its field number in Feature. */
export const featureKinds = { bytes: 1, float: 2, int64: 3 } as const;

/** The values of one feature. */
export interface FeatureValues {
  /** Of `featureKinds`; 0 when the feature has no list. */
  readonly kind: number;
  /** None is empty but a string. */
  readonly pieces: readonly Piece[];
}

/** What is known of the features of a model. */
export interface FeatureNames {
  readonly names: ReadonlySet<string>;
  /** Values that one feature may have at most. */
  readonly valuesMax: number;
}

/**
 * The features of one example by name; at most as many as the model knows.
 * @param field the example as messages name it
 * @throws INVALID_REQUEST, INVALID_INPUT a feature that the model has not
 */
export function readFeatures(
  bytes: Buffer,
  example: Piece,
  { field, known }: { readonly field: string; readonly known: FeatureNames },
): ReadonlyMap<string, FeatureValues> {
  /** At most one entry a known name. */
  const features = new Map<string, FeatureValues>();
  for (const all of piecesIn(bytes, example, key.one)) {
    for (const entry of piecesIn(bytes, all, key.one)) {
      const reader = new WireReader(bytes, entry.at, entry.end);
      let name = "";
      let place: Piece = { at: entry.end, end: entry.end };
      while (reader.hasMore) {
        const tag = reader.tag();
        if (tag === key.one) name = reader.text(`a name in ${field}`);
        else if (tag === key.two) place = nextPiece(reader, tag);
        else reader.skip(tag);
      }
      if (!known.names.has(name)) throw unknown(field, name, [...known.names]);
      const at = `${field}.features[${quote(name)}]`;
      features.set(name, readFeature(bytes, place, { field: at, known }));
    }
  }
  return features;
}

function readFeature(
  bytes: Buffer,
  place: Piece,
  { field, known }: { readonly field: string; readonly known: FeatureNames },
): FeatureValues {
  const reader = new WireReader(bytes, place.at, place.end);
  let kind = 0;
  let pieces: Piece[] = [];
  while (reader.hasMore) {
    const tag = reader.tag();
    const number = tag >>> 3;
    if (number > featureKinds.int64 || (tag & 7) !== wire.bytes) {
      reader.skip(tag);
      continue;
    }
    // One list only: of several the last counts, as protobuf wants it.
    if (number !== kind) pieces = [];
    kind = number;
    const list = nextPiece(reader, tag);
    readValues(new WireReader(bytes, list.at, list.end), { kind, field, pieces, known });
  }
  return { kind, pieces };
}

interface ListOf {
  readonly kind: number;
  readonly field: string;
  readonly pieces: Piece[];
  readonly known: FeatureNames;
}

function readValues(reader: WireReader, { kind, field, pieces, known }: ListOf): void {
  const element =
    kind === featureKinds.bytes
      ? wire.bytes
      : kind === featureKinds.float
        ? wire.fixed32
        : wire.varint;
  while (reader.hasMore) {
    const tag = reader.tag();
    const type = tag & 7;
    if (tag >>> 3 !== 1) {
      reader.skip(tag);
      continue;
    }
    if (type !== element && type !== wire.bytes) throw broken(`${field} has wire type ${type}`);
    const piece = nextPiece(reader, tag);
    if (piece.at === piece.end && element !== wire.bytes) continue;
    if (pieces.length > known.valuesMax) throw tooManyValues(field, known.valuesMax);
    pieces.push(piece);
  }
}

function unknown(field: string, name: string, names: readonly string[]): ServingError {
  const shown = names.slice(0, 8).map((each) => quote(each));
  const more = names.length > 8 ? ", ..." : "";
  const message =
    `${field}: the model has no feature ${quote(name)}: expected ${shown.join(", ")}${more}` +
    didYouMean(name, names);
  return new ServingError("INVALID_INPUT", message, { field: `${field}.features` });
}

function tooManyValues(field: string, max: number): ServingError {
  return new ServingError("INVALID_INPUT", `${field}: more than ${max} values`, { field });
}

function tooMany(max: number): ServingError {
  const message = `input: at most ${max} examples are allowed in one request (requestItemsMax)`;
  const options = { field: "input", limit: "requestItemsMax" } as const;
  return new ServingError("LIMIT_EXCEEDED", message, options);
}
