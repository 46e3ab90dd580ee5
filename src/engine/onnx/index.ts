/** ONNX Runtime in this process; the inline engine and the worker import it from here. */
export { testEngine } from "./self-test.ts";
export { type OnnxSession, openSession } from "./session.ts";
export { engineVersion } from "./version.ts";
