/**
 * The life of a server process, as a pure transition function.
 *
 *   starting --loaded--> serving --stop--> lingering --delay over--> finishing --idle--> stopping
 *      |                    |                                            |                  |
 *      '------- stop -------'--- Ctrl-C skips lingering ---------------->'--- time up -->   v
 *                                                                                         ended
 *
 * lingering: still serving, not ready, replies close their connection, so balancers notice.
 * finishing: new work is refused, accepted work is finished. stopping: workers end, books are
 * closed. A second signal stops at once; so does a fault. Time is up `shutdownMsMax` after the
 * first signal: the rest is refused and the exit code is 1. Rejected: one async function with
 * awaits; its order could only be tested with real signals.
 */

export type Phase = "starting" | "serving" | "lingering" | "finishing" | "stopping" | "ended";

export type LifeEvent =
  | { readonly kind: "loaded" }
  /** A start that cannot succeed, or an error nobody caught. */
  | { readonly kind: "fault" }
  /** `isUrgent`: Ctrl-C at a terminal, where no balancer watches. */
  | { readonly kind: "stop"; readonly isUrgent: boolean }
  | { readonly kind: "delayOver" }
  | { readonly kind: "idle" }
  | { readonly kind: "timeUp" }
  | { readonly kind: "stopped" };

/** What the process does next, in this order. */
export type LifeAct =
  | { readonly kind: "announceReady" }
  /** Not ready any more; replies close their connection. */
  | { readonly kind: "announceDraining" }
  | { readonly kind: "startTimeLimit" }
  | { readonly kind: "startDelay" }
  /** New work is refused with DRAINING. */
  | { readonly kind: "refuseWork" }
  | { readonly kind: "watchForIdle" }
  /** What is still under way is refused with DRAINING. */
  | { readonly kind: "cutOff" }
  | { readonly kind: "stopWorkers" }
  | { readonly kind: "exit"; readonly code: 0 | 1 };

export interface LifeState {
  readonly phase: Phase;
  /** Kept from the first thing that went wrong. */
  readonly exitCode: 0 | 1;
}

export interface LifeStep {
  readonly state: LifeState;
  readonly acts: readonly LifeAct[];
}

export const lifeStart: LifeState = { phase: "starting", exitCode: 0 };

/** The next state and what is to be done; events that come too late change nothing. */
export function stepLife(state: LifeState, event: LifeEvent): LifeStep {
  if (state.phase === "ended") return { state, acts: [] };
  switch (event.kind) {
    case "loaded":
      if (state.phase !== "starting") return { state, acts: [] };
      return { state: { ...state, phase: "serving" }, acts: [{ kind: "announceReady" }] };
    case "fault":
      return stopAtOnce(1);
    case "stop":
      return stop(state, event.isUrgent);
    case "delayOver":
      return state.phase === "lingering" ? finish(state) : { state, acts: [] };
    case "idle":
      if (state.phase !== "finishing") return { state, acts: [] };
      return { state: { ...state, phase: "stopping" }, acts: [{ kind: "stopWorkers" }] };
    case "timeUp":
      return timeUp(state);
    case "stopped":
      if (state.phase !== "stopping") return { state, acts: [] };
      return {
        state: { ...state, phase: "ended" },
        acts: [{ kind: "exit", code: state.exitCode }],
      };
  }
}

function stop(state: LifeState, isUrgent: boolean): LifeStep {
  if (state.phase === "starting" || state.phase === "serving") {
    const first: LifeAct[] = [{ kind: "announceDraining" }, { kind: "startTimeLimit" }];
    // While starting nobody was sent here, so there is nobody to wait for.
    if (isUrgent || state.phase === "starting") {
      const { state: next, acts } = finish(state);
      return { state: next, acts: [...first, ...acts] };
    }
    return { state: { ...state, phase: "lingering" }, acts: [...first, { kind: "startDelay" }] };
  }
  return stopAtOnce(state.exitCode);
}

function finish(state: LifeState): LifeStep {
  return {
    state: { ...state, phase: "finishing" },
    acts: [{ kind: "refuseWork" }, { kind: "watchForIdle" }],
  };
}

function timeUp(state: LifeState): LifeStep {
  if (state.phase === "stopping") return stopAtOnce(1);
  if (state.phase !== "lingering" && state.phase !== "finishing") return { state, acts: [] };
  return {
    state: { phase: "stopping", exitCode: 1 },
    acts: [{ kind: "refuseWork" }, { kind: "cutOff" }, { kind: "stopWorkers" }],
  };
}

function stopAtOnce(code: 0 | 1): LifeStep {
  return { state: { phase: "ended", exitCode: code }, acts: [{ kind: "exit", code }] };
}
