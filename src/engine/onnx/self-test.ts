/**
 * Proves that the engine works here before a worker says hello.
 *
 * Runs a model of one Identity node on float16 numbers, the dtype that needs our work-round, and
 * compares the bits. The first session also sets the engine up (about 40 ms), so that a worker that
 * was started ahead loads its first model at once.
 */
import { onnxRuntime } from "./runtime.ts";

/** `identity("FP16", ["n"])` of tools/onnx/models.ts, 87 bytes. */
const model =
  "CAg6PQoQCgF4EgF5IghJZGVudGl0eRIFZ3JhcGhaEAoBeBILCgkIChIFCgMSAW5iEAoBeRILCgkIChIFCgMSAW5C" +
  "BAoAEBFCDgoKYWkub25ueC5tbBAD";

/** Bit patterns of 1, -2 and infinity. */
const bits = Uint16Array.of(0x3c00, 0xc000, 0x7c00);

/** Throws when the engine cannot load or run a model, or changes what it is given. */
export async function testEngine(): Promise<void> {
  const { InferenceSession, Tensor } = onnxRuntime();
  const session = await InferenceSession.create(Buffer.from(model, "base64"), {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  // The type wants a Float16Array, which the work-round keeps away from the engine.
  const fed = new Tensor("float16", bits as never, [bits.length]);
  const { y } = await session.run({ x: fed });
  const answer = y?.data;
  const isSame =
    answer instanceof Uint16Array && Buffer.compare(bytesOf(answer), bytesOf(bits)) === 0;
  await session.release();
  if (!isSame) throw new Error("the engine does not give back the numbers it was given");
}

function bytesOf(numbers: Uint16Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
