/**
 * Makes the slow model: as many steps as take about half a second on this machine.
 *
 * Calibrated by a short bare loop, because "500 ms" is a property of the machine and not of a file.
 */
import { sleepy } from "../../tools/onnx/loads.ts";
import { startBareLoop } from "../sides/bare-loop.ts";
import type { Stage } from "../stage.ts";
import { modelFile, modelFiles } from "./model-files.ts";

const trialSteps = 500;
const runSeconds = 0.5;

/** The path of the slow model. REQUIRES: nothing else is being measured. */
export async function slowModel(stage: Stage): Promise<string> {
  const loop = await startBareLoop(stage, modelFile("slow-trial.onnx", sleepy(trialSteps)));
  const { perSecond } = await loop.obey({ seconds: 1, rows: 1, width: 4 });
  if (perSecond === undefined || perSecond <= 0) throw new Error("the slow model did not run");
  return modelFiles.slow(Math.round(trialSteps * runSeconds * perSecond));
}
