/**
 * `grpc.reflection.v1` and `v1alpha`: tells tools which services there are and how their
 * messages look, so that they need no `.proto` file.
 *
 * Both versions have the same messages. A file is answered with all that it imports, so one
 * question is enough. Nothing a caller names is looked up anywhere but in the compiled descriptors.
 */
import { toBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { errorTable } from "../../../base/index.ts";
import type { Service } from "../../../service/index.ts";
import { descriptorSet, messageType, type PlainMessage, typeRegistry } from "../messages.ts";
import type { MethodCall, StreamReader } from "../method.ts";
import { enterStream } from "../open-streams.ts";
import type { GrpcService } from "../routes.ts";

export interface ReflectionOptions {
  /** Full names of the services that are offered. */
  readonly names: readonly string[];
  readonly service: Service;
}

export const reflectionNames = [
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
] as const;

export function reflectionServices(options: ReflectionOptions): GrpcService[] {
  const files = new Files();
  return reflectionNames.map((name) => {
    const packageName = name.slice(0, name.lastIndexOf("."));
    const request = messageType(`${packageName}.ServerReflectionRequest`);
    const response = messageType(`${packageName}.ServerReflectionResponse`);
    const answer = (message: Buffer): Buffer => {
      const asked = request.decode(message);
      return response.encode({
        valid_host: String(asked["host"] ?? ""),
        original_request: asked,
        ...answerOf(asked, options.names, files),
      });
    };
    return {
      name,
      methods: {
        ServerReflectionInfo: {
          kind: "stream",
          isWork: false,
          isClientStream: true,
          open: (call) => new Questions(call, options, answer),
        },
      },
    };
  });
}

/** Questions of one call that wait for their answer; then nothing more is read. */
const waitingMax = 16;

/**
 * Answers one message after the other, in order, also where a long answer takes its time to be
 * compressed and a short one does not; a caller who does not read is not read from.
 */
class Questions implements StreamReader {
  readonly #call: MethodCall;
  readonly #bufferBytesMax: number;
  readonly #answer: (message: Buffer) => Buffer;
  readonly #leave: () => void;
  #last: Promise<void> = Promise.resolve();
  /** `waitingMax`, and what one chunk held. */
  #waiting = 0;
  #isEnded = false;

  /** @throws OVERLOADED */
  constructor(call: MethodCall, options: ReflectionOptions, answer: (message: Buffer) => Buffer) {
    this.#call = call;
    this.#bufferBytesMax = options.service.limits.streamBufferBytesMax;
    this.#answer = answer;
    this.#leave = enterStream(options.service, call);
  }

  message(bytes: Buffer): void {
    this.#waiting += 1;
    if (this.#waiting >= waitingMax) this.#call.pause();
    this.#last = this.#last
      .then(() => this.#reply(bytes))
      .catch((thrown: unknown) => this.#call.fail(thrown));
  }

  async #reply(bytes: Buffer): Promise<void> {
    const call = this.#call;
    this.#waiting -= 1;
    if (this.#isEnded) return;
    await call.send(this.#answer(bytes));
    if (call.unsentBytes > this.#bufferBytesMax) {
      call.pause();
      await call.drained();
    }
    if (this.#waiting < waitingMax) call.resume();
  }

  halfClosed(): void {
    void this.#last.then(() => {
      this.#leave();
      this.#call.finish();
    });
  }

  ended(): void {
    this.#isEnded = true;
    this.#leave();
  }
}

function answerOf(asked: PlainMessage, names: readonly string[], files: Files): object {
  if (asked["list_services"] !== undefined) {
    const service = names.map((name) => ({ name }));
    return { list_services_response: { service } };
  }
  const fileName = asked["file_by_filename"];
  if (fileName !== undefined) return fileAnswer(files.named(String(fileName)), "file");
  const symbol = asked["file_containing_symbol"];
  if (symbol !== undefined) return fileAnswer(files.holding(String(symbol)), "symbol");
  const type = asked["all_extension_numbers_of_type"];
  if (type !== undefined && typeRegistry().getMessage(String(type)) !== undefined) {
    const response = { base_type_name: String(type), extension_number: [] };
    return { all_extension_numbers_response: response };
  }
  return fileAnswer(undefined, type === undefined ? "extension" : "type");
}

function fileAnswer(found: readonly Uint8Array[] | undefined, what: string): object {
  if (found === undefined) {
    const error_code = errorTable.SERVICE_NOT_FOUND.grpc;
    return { error_response: { error_code, error_message: `no ${what} of that name` } };
  }
  const file_descriptor_proto = found.map((bytes) => Buffer.from(bytes).toString("base64"));
  return { file_descriptor_response: { file_descriptor_proto } };
}

class Files {
  /** One entry for each compiled file; made on the first question. */
  #byName: ReadonlyMap<string, FileDescriptorProto> | undefined;

  /** A file and all that it imports, or `undefined`. */
  named(name: string): readonly Uint8Array[] | undefined {
    this.#byName ??= new Map(descriptorSet().file.map((file) => [file.name, file]));
    const file = this.#byName.get(name);
    if (file === undefined) return undefined;
    const imports = file.dependency.flatMap((each) => this.named(each) ?? []);
    return [toBinary(FileDescriptorProtoSchema, file), ...imports];
  }

  /** The file that declares a message, an enum, a service or a method of one. */
  holding(symbol: string): readonly Uint8Array[] | undefined {
    const registry = typeRegistry();
    const parent = symbol.slice(0, Math.max(0, symbol.lastIndexOf(".")));
    const found =
      registry.getMessage(symbol) ??
      registry.getEnum(symbol) ??
      registry.getService(symbol) ??
      registry.getService(parent) ??
      registry.getMessage(parent);
    return found === undefined ? undefined : this.named(`${found.file.name}.proto`);
  }
}
