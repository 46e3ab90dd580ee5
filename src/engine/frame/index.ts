/** The framed protocol between a front and its workers; both sides import it from here. */
export { FrameEncoder, type FrameHead, type Share } from "./encode.ts";
export { type Frame, FrameFault, readControl, readTensors } from "./frame.ts";
export { frameBytesMax, frameVersion, kinds } from "./layout.ts";
export { type Failure, failureOf, type Hello, readFailure, readHello } from "./messages.ts";
export { FrameReader } from "./reader.ts";
export { type ByteSink, writeChunks } from "./write.ts";
