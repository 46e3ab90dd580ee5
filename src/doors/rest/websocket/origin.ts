/**
 * Decides whether a page in a browser may open a socket.
 *
 * A browser lets any page open a WebSocket to anywhere and read what comes, without the check that
 * keeps it from reading replies of HTTP; all it does is name the page's origin. So a page of
 * another host is refused unless the operator named its origin: the network of whoever visits a
 * page is not that page's to read. Programs send no origin and are not asked.
 */
import { isOriginNamed } from "../../../base/index.ts";

/**
 * @param origin the header `Origin`, or "" @param host the header `Host`
 * @param named origins as the configuration names them; `*` is any
 */
export function isOriginAllowed(origin: string, host: string, named: readonly string[]): boolean {
  if (origin === "" || isOriginNamed(origin, named)) return true;
  return URL.canParse(origin) && host !== "" && new URL(origin).host === host.toLowerCase();
}
