/** The figures of several fronts as those of one server. */
export { addFigures, type FrontFigures, figuresOf, type UsageFigures } from "./front-figures.ts";
export { FrontLedger } from "./front-ledger.ts";
