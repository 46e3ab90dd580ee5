/**
 * A small client of the Open Inference Protocol, written apart from the server's own codecs so that
 * the two check each other. Slow and obvious: values one by one through a DataView.
 */

export interface ClientTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  /** Row-major; bigint for 64-bit integers, bits for FP16. */
  readonly values: readonly (number | bigint | string)[];
}

const sizes: Readonly<Record<string, number>> = {
  BOOL: 1,
  INT8: 1,
  UINT8: 1,
  INT16: 2,
  UINT16: 2,
  FP16: 2,
  INT32: 4,
  UINT32: 4,
  FP32: 4,
  INT64: 8,
  UINT64: 8,
  FP64: 8,
};

/** The raw bytes of a tensor. */
export function bytesOf(tensor: ClientTensor): Buffer {
  if (tensor.datatype === "BYTES") {
    return Buffer.concat(
      tensor.values.flatMap((value) => {
        const text = Buffer.from(String(value));
        const length = Buffer.alloc(4);
        length.writeUInt32LE(text.length);
        return [length, text];
      }),
    );
  }
  const size = sizes[tensor.datatype] ?? 0;
  const bytes = Buffer.alloc(size * tensor.values.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  tensor.values.forEach((value, index) => {
    writers[tensor.datatype]?.(view, index * size, value);
  });
  return bytes;
}

type Value = number | bigint | string;

const writers: Readonly<Record<string, (view: DataView, at: number, value: Value) => void>> = {
  FP32: (view, at, value) => view.setFloat32(at, Number(value), true),
  FP64: (view, at, value) => view.setFloat64(at, Number(value), true),
  INT64: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
  UINT64: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
  INT32: (view, at, value) => view.setInt32(at, Number(value), true),
  UINT32: (view, at, value) => view.setUint32(at, Number(value), true),
  INT16: (view, at, value) => view.setInt16(at, Number(value), true),
  UINT16: (view, at, value) => view.setUint16(at, Number(value), true),
  FP16: (view, at, value) => view.setUint16(at, Number(value), true),
  INT8: (view, at, value) => view.setInt8(at, Number(value)),
  UINT8: (view, at, value) => view.setUint8(at, Number(value)),
  BOOL: (view, at, value) => view.setUint8(at, Number(value)),
};

function read(view: DataView, at: number, datatype: string): number | bigint {
  switch (datatype) {
    case "FP32":
      return view.getFloat32(at, true);
    case "FP64":
      return view.getFloat64(at, true);
    case "INT64":
      return view.getBigInt64(at, true);
    case "UINT64":
      return view.getBigUint64(at, true);
    case "INT32":
      return view.getInt32(at, true);
    case "UINT32":
      return view.getUint32(at, true);
    case "INT16":
      return view.getInt16(at, true);
    case "UINT16":
    case "FP16":
      return view.getUint16(at, true);
    case "INT8":
      return view.getInt8(at);
    default:
      return view.getUint8(at);
  }
}

/** The elements in raw bytes. */
export function valuesOf(bytes: Buffer, datatype: string): (number | bigint | string)[] {
  const values: (number | bigint | string)[] = [];
  if (datatype === "BYTES") {
    for (let at = 0; at < bytes.length; ) {
      const length = bytes.readUInt32LE(at);
      values.push(bytes.toString("utf8", at + 4, at + 4 + length));
      at += 4 + length;
    }
    return values;
  }
  const size = sizes[datatype] ?? 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += size) values.push(read(view, at, datatype));
  return values;
}

export interface InferReply {
  readonly status: number;
  readonly error: string | undefined;
  readonly outputs: readonly ClientTensor[];
}

interface WireOutput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: number[];
  readonly parameters?: { readonly binary_data_size?: number };
  readonly data?: (number | string)[];
}

/** Infers with binary tensors both ways. */
export async function inferBinary(
  url: string,
  inputs: readonly ClientTensor[],
): Promise<InferReply> {
  const parts = inputs.map(bytesOf);
  const header = JSON.stringify({
    inputs: inputs.map(({ name, datatype, shape }, index) => ({
      name,
      datatype,
      shape,
      parameters: { binary_data_size: parts[index]?.length },
    })),
    parameters: { binary_data_output: true },
  });
  const reply = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/octet-stream",
      "inference-header-content-length": String(Buffer.byteLength(header)),
    },
    body: Buffer.concat([Buffer.from(header), ...parts]),
  });
  const body = Buffer.from(await reply.arrayBuffer());
  if (!reply.ok) return { status: reply.status, error: body.toString(), outputs: [] };
  const length = Number(reply.headers.get("inference-header-content-length") ?? body.length);
  const { outputs } = JSON.parse(body.toString("utf8", 0, length)) as { outputs: WireOutput[] };
  let at = length;
  const read = outputs.map(({ name, datatype, shape, parameters }) => {
    const size = parameters?.binary_data_size ?? 0;
    const values = valuesOf(body.subarray(at, at + size), datatype);
    at += size;
    return { name, datatype, shape, values };
  });
  if (at !== body.length) throw new Error(`${body.length - at} bytes are left over`);
  return { status: reply.status, error: undefined, outputs: read };
}

/** Infers with JSON both ways; 64-bit integers are sent and read as JSON numbers. */
export async function inferJson(url: string, inputs: readonly ClientTensor[]): Promise<InferReply> {
  const body = JSON.stringify({
    inputs: inputs.map(({ name, datatype, shape, values }) => ({
      name,
      datatype,
      shape,
      data: values.map((value) => (typeof value === "bigint" ? Number(value) : value)),
    })),
  });
  const reply = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const text = await reply.text();
  if (!reply.ok) return { status: reply.status, error: text, outputs: [] };
  const { outputs } = JSON.parse(text) as { outputs: WireOutput[] };
  return {
    status: reply.status,
    error: undefined,
    outputs: outputs.map(({ name, datatype, shape, data }) => ({
      name,
      datatype,
      shape,
      values: data ?? [],
    })),
  };
}

/** True when values are the same within `1e-4 + 1e-3 * |expected|` (FP16: as bits, 16 apart). */
export function isClose(
  got: number | bigint | string | boolean | undefined,
  expected: number | bigint | string | boolean,
  datatype: string,
): boolean {
  if (datatype === "BYTES") return got === String(expected);
  const [a, b] = [Number(got), Number(expected)];
  if (Object.is(a, b) || a === b || (Number.isNaN(a) && Number.isNaN(b))) return true;
  if (datatype === "FP16") return Math.abs(a - b) <= 16;
  const isFloat = datatype === "FP32" || datatype === "FP64";
  return isFloat && Math.abs(a - b) <= 1e-4 + 1e-3 * Math.abs(b);
}
