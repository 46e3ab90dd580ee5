/**
 * What the primary front and the others say to each other, over the channel of a child process.
 *
 * Messages are structured clones. Both ends are this program in one version, so they are trusted.
 */
import type { ErrorCode } from "../../base/index.ts";
import type { InstanceState, WorkerEnd } from "../../engine/index.ts";
import type { FrontFigures, FrontsSeen } from "../../observe/index.ts";
import type {
  FiguresAsk,
  FrontPlace,
  LoadAsk,
  RegistrySeed,
  ServerPhase,
  UnloadAsk,
} from "../../service/index.ts";
import type { InputNews } from "../compose.ts";
import type { Config } from "../config/schema.ts";

/** Where the primary listens. */
export interface FrontPorts {
  readonly port: number;
  /** `undefined` when the gRPC door is off. */
  readonly grpcPort: number | undefined;
}

/** Everything a front needs to open its doors. */
export interface OpenOrder extends FrontPorts {
  readonly config: Config;
  readonly place: FrontPlace;
  /** Its number: no other front of this server ever has it. */
  readonly front: number;
  /** Where the workers will call it: absolute path of a socket to be made. */
  readonly path: string;
  readonly phase: ServerPhase;
  readonly registry: RegistrySeed;
}

/** A version began to fail its sample, or ceased to. */
export interface StandingNews {
  readonly model: string;
  readonly version: string;
  readonly isFailing: boolean;
}

/** What a caller wants to be done with a model. */
export type Operation =
  | { readonly verb: "load"; readonly ask: LoadAsk }
  | { readonly verb: "unload"; readonly ask: UnloadAsk };

/** An error as it travels between fronts. */
export interface SentError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly field: string | undefined;
}

/** The figures of all fronts together. */
export interface WholeMessage {
  readonly figures: FrontFigures;
  readonly fronts: FrontsSeen;
}

export type ToFront =
  | { readonly kind: "open"; readonly order: OpenOrder }
  /** What is served now; the front answers when it has left the rest. */
  | { readonly kind: "registry"; readonly id: number; readonly registry: RegistrySeed }
  | { readonly kind: "controlled"; readonly id: number; readonly error: SentError | undefined }
  /** Something of an instance has changed. */
  | { readonly kind: "instance"; readonly number: number; readonly state: InstanceState }
  | { readonly kind: "died"; readonly end: WorkerEnd }
  | { readonly kind: "standing"; readonly news: StandingNews }
  | { readonly kind: "suspect"; readonly news: InputNews }
  | { readonly kind: "phase"; readonly phase: ServerPhase }
  /** Time is up: what is left is refused. */
  | { readonly kind: "cutOff" }
  /** Answer what waits, close the doors and end. */
  | { readonly kind: "end" }
  | { readonly kind: "report"; readonly id: number; readonly ask: FiguresAsk }
  | { readonly kind: "whole"; readonly id: number; readonly whole: WholeMessage };

export type FromFront =
  /** The workers may call it. */
  | { readonly kind: "listening" }
  | { readonly kind: "opened" }
  /** The doors could not be opened. */
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "figures"; readonly id: number; readonly figures: FrontFigures }
  | { readonly kind: "adopted"; readonly id: number }
  | { readonly kind: "control"; readonly id: number; readonly operation: Operation }
  | { readonly kind: "gather"; readonly id: number; readonly ask: FiguresAsk }
  | { readonly kind: "standing"; readonly news: StandingNews }
  | { readonly kind: "suspect"; readonly news: InputNews }
  /** Sent while the server finishes: what was accepted and has no answer yet. */
  | { readonly kind: "pending"; readonly count: number };
