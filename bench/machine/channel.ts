/** Orders and reports over the message channel of a started Node process, one at a time. */
import type { StartedProcess } from "./started-process.ts";

export interface Channel<Order, Report> {
  /** REQUIRES: the last order was answered. @throws Error when the process ends instead */
  obey(order: Order): Promise<Report>;
}

/** Waits for the process to say that it is ready. REQUIRES: it was started with a channel. */
export async function openChannel<Order extends object, Report>(
  started: StartedProcess,
): Promise<Channel<Order, Report>> {
  const { child, logFile } = started;
  const next = () =>
    new Promise<unknown>((resolve, reject) => {
      const ended = () => reject(new Error(`the process ended: see ${logFile}`));
      child.once("exit", ended);
      child.once("message", (message) => {
        child.off("exit", ended);
        resolve(message);
      });
    });
  await next();
  return {
    async obey(order) {
      const answer = next();
      child.send(order);
      return (await answer) as Report;
    },
  };
}
