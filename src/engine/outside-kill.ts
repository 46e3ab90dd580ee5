/**
 * The cause of a WORKER_LOST whose process somebody else killed.
 *
 * SIGKILL that we did not send comes from an operator, or from the system when memory runs out. It
 * says little about the input that was in the worker, so whoever looks for inputs that kill weighs
 * it less than a crash. The same holds for what was known not to run when its worker died.
 */
export class OutsideKill extends Error {
  override readonly name = "OutsideKill";
}
