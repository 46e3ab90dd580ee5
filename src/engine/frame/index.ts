/** The framed protocol between a front and its workers; both sides import it from here. */
export { FrameEncoder, type FrameHead, type Share } from "./encode.ts";
export { type Frame, FrameFault, readControl, readTensors } from "./frame.ts";
export { Lane, type LaneFiles } from "./lane.ts";
export { frameBytesMax, frameVersion, kinds } from "./layout.ts";
export {
  type Connect,
  type Failure,
  failureOf,
  type Hello,
  readFailure,
  readGreeting,
  readHello,
  readResult,
} from "./messages.ts";
export { FrameReader } from "./reader.ts";
export { noFront, type Running, RunningRecord, readRunning } from "./running-record.ts";
export { type ByteSink, writeChunks } from "./write.ts";
