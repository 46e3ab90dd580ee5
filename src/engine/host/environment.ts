/**
 * What a worker may know of our environment.
 *
 * A model is code from someone, so a worker gets no variable but the ones named here: what the
 * engine, the C library and the GPU driver need to find locales, threads, devices and libraries.
 * No PATH (it starts nothing), no HOME, no credentials.
 */

/** The names that are handed on when they are set. */
const environmentKeys: readonly string[] = [
  "LANG",
  "LC_ALL",
  "LC_CTYPE",
  "LOCPATH",
  "TZ",
  "LD_LIBRARY_PATH",
  "OMP_NUM_THREADS",
  "OMP_WAIT_POLICY",
  "KMP_AFFINITY",
  "CUDA_VISIBLE_DEVICES",
  "CUDA_DEVICE_ORDER",
  "NVIDIA_VISIBLE_DEVICES",
  "NVIDIA_DRIVER_CAPABILITIES",
];

/** The environment of a worker: the named keys of `source` that are set. */
export function workerEnvironment(
  source: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const chosen: Record<string, string> = {};
  for (const key of environmentKeys) {
    const value = source[key];
    if (value !== undefined) chosen[key] = value;
  }
  return chosen;
}
