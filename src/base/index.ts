/** Floor 0: what knows no word of the field. */
export { BoundedQueue } from "./bounded-queue.ts";
export { anyOrigin, areHeaderNames, type CorsSettings, isOriginNamed } from "./browser/origins.ts";
export { Cancellation } from "./cancellation.ts";
export { type Clock, FakeClock, systemClock, type Timer } from "./clock.ts";
export { type ErrorCode, type ErrorRow, errorTable, isErrorCode } from "./error-table.ts";
export { needDescriptors } from "./free-descriptors.ts";
export {
  Histogram,
  type HistogramCounts,
  histogramBucket,
  histogramBucketFrom,
  histogramBuckets,
} from "./histogram.ts";
export { HistogramWindow, type WindowSpan } from "./histogram-window.ts";
export { type Compression, compress, type InflateOptions, inflate } from "./inflate.ts";
export {
  defaultLimits,
  type LimitName,
  type LimitRow,
  type Limits,
  limitTable,
} from "./limits.ts";
export {
  giveBackLarge,
  isLarge,
  isSole,
  largeBytesMin,
  markShared,
  markSole,
  takeLarge,
} from "./memory/large-memory.ts";
export { setV8Flags } from "./memory/v8-flags.ts";
export { didYouMean, nearestName } from "./nearest-name.ts";
export { quote } from "./quote.ts";
export { type Random, seededRandom, systemRandom } from "./random.ts";
export { makeRequestIds } from "./request-id.ts";
export { ServingError, type ServingErrorOptions } from "./serving-error.ts";
