// Reads a payload: one frame of bytes, a JSON header and typed arrays (attnlib/views/payload.py writes it). No DOM.

const TYPES = { uint8: Uint8Array, uint16: Uint16Array, float32: Float32Array };
const MAGIC = "ATTN";

/**
 * Bytes → {header, arrays}. The bytes may start at any offset of their buffer, so arrays are copied.
 * @param {Uint8Array} bytes
 * @returns {{header: any, arrays: Record<string, import("./types").Numbers>}}
 */
export function readPayload(bytes) {
  if (!(bytes instanceof Uint8Array) || String.fromCharCode(...bytes.subarray(0, 4)) !== MAGIC) {
    throw new Error("not an attention payload");
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const start = Math.ceil((8 + length) / 8) * 8;
  const arrays = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(header.arrays)) {
    const Type = TYPES[dtype];
    const size = shape.reduce((a, b) => a * b, 1) * Type.BYTES_PER_ELEMENT;
    arrays[name] = new Type(bytes.slice(start + offset, start + offset + size).buffer);
  }
  return { header, arrays };
}
