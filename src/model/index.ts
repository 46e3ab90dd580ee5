/** Floor 1: what is known about a model before any engine sees it. */
export type {
  BatchLayout,
  ColumnSpec,
  InputSpec,
  Label,
  OutputRole,
  OutputSpec,
  Signature,
  TensorSpec,
  TextStep,
} from "./signature.ts";
