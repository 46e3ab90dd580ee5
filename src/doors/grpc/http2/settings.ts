/**
 * What the peer's SETTINGS change here (RFC 9113, section 6.5).
 */
import { ConnectionFault, errorCode } from "./fault.ts";
import { defaultFrameBytes, setting } from "./frames.ts";
import type { Sender, SendingStream } from "./sending/sender.ts";
import { windowBytesMax } from "./windows.ts";

/** What is said to every caller. */
export function ownSettings(limits: OwnSettings): Buffer {
  const settings: readonly (readonly [number, number])[] = [
    [setting.streamsMax, limits.http2StreamsMax],
    [setting.initialWindow, limits.streamWindowBytes],
    [setting.headerListBytesMax, limits.headerBytesMax],
  ];
  const bytes = Buffer.alloc(settings.length * settingBytes);
  settings.forEach(([id, value], index) => {
    bytes.writeUInt16BE(id, index * settingBytes);
    bytes.writeUInt32BE(value, index * settingBytes + 2);
  });
  return bytes;
}

export interface OwnSettings {
  readonly http2StreamsMax: number;
  readonly streamWindowBytes: number;
  readonly headerBytesMax: number;
}

const settingBytes = 6;
/** Settings of one frame; all that the protocol knows are fewer. */
const settingsMax = 32;
const frameBytesMaxMax = 2 ** 24 - 1;

/** Sends nothing. @throws ConnectionFault for a value that is not allowed, and for very many */
export function applySettings(
  bytes: Buffer,
  sender: Sender,
  streams: Iterable<SendingStream>,
): void {
  if (bytes.length % settingBytes !== 0) {
    throw new ConnectionFault(errorCode.frameSize, "SETTINGS of the wrong size");
  }
  if (bytes.length > settingsMax * settingBytes) {
    throw new ConnectionFault(errorCode.calm, "more than 32 settings at once");
  }
  const all = [...streams];
  for (let at = 0; at < bytes.length; at += settingBytes) {
    const id = bytes.readUInt16BE(at);
    const value = bytes.readUInt32BE(at + 2);
    if (id === setting.pushEnabled) check(value <= 1);
    else if (id === setting.initialWindow) {
      if (value > windowBytesMax) {
        throw new ConnectionFault(errorCode.flowControl, "a window is too large");
      }
      sender.setInitialWindow(value, all);
    } else if (id === setting.frameBytesMax) {
      // Larger frames are allowed, not demanded: streams share the line in pieces of one size.
      check(value >= defaultFrameBytes && value <= frameBytesMaxMax);
    }
  }
}

function check(isAllowed: boolean): void {
  if (!isAllowed)
    throw new ConnectionFault(errorCode.protocol, "a setting has a value out of range");
}
