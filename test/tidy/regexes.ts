/**
 * Every regular expression of the sources, with what it is for. Each runs in linear time.
 *
 * A regular expression that is not here fails the tidy test; `test/security` runs each of these
 * against 50 KB of hostile text.
 */
export const listedRegexes: ReadonlyMap<string, string> = new Map<string, string>([]);
