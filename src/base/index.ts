/** Floor 0: what knows no word of the field. */
export { Cancellation } from "./cancellation.ts";
export { type Clock, FakeClock, systemClock, type Timer } from "./clock.ts";
export { type ErrorCode, type ErrorRow, errorTable, isErrorCode } from "./error-table.ts";
export {
  defaultLimits,
  type LimitName,
  type LimitRow,
  type Limits,
  limitTable,
} from "./limits.ts";
export { didYouMean, nearestName } from "./nearest-name.ts";
export { quote } from "./quote.ts";
export { type Random, seededRandom, systemRandom } from "./random.ts";
export { ServingError, type ServingErrorOptions } from "./serving-error.ts";
