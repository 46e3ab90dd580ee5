/**
 * What is wrong with a configuration, in words that say where and what to write instead.
 *
 * All problems are reported in one go. A place is a flag, a variable, or a file with its line.
 */

/** Everything that is wrong; the command prints it and ends with exit code 2. */
export class ConfigError extends Error {
  /** `millrace.yaml line 3: server.prot: unknown key 'prot'; did you mean 'port'?` */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}
