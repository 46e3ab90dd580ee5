/** TensorFlow Serving without its bytes: what each door that speaks it does alike. */
export {
  type TfsStatus,
  tfsModelSpec,
  tfsSignatures,
  tfsStatus,
  tfsTypes,
} from "./describe.ts";
export { classLabel, classScores, type ExamplesOutput, regressionNumbers } from "./examples.ts";
export {
  checkSignature,
  findTfs,
  numberOf,
  servingDefault,
  type TfsChoice,
  type TfsTarget,
  tfsTarget,
} from "./target.ts";
